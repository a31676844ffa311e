// Mutexes, completions, kernel threads, sleeping, the clock tick and module notifiers.
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/completion.h>
#include <linux/notifier.h>
static DEFINE_MUTEX(lock);
static DECLARE_COMPLETION(ended);
static struct mutex own;
static int sum;
static int adder(void *unused)
{
	int i, was;

	for (i = 0; i < 200; i++) {
		mutex_lock(&lock);
		was = sum;
		if (i % 50 == 0) msleep(1);
		sum = was + 1;
		mutex_unlock(&lock);
	}
	complete(&ended);
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop()) schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 7;
}
static int never(void *unused) { return 1; }
static int on_module(struct notifier_block *block, unsigned long event, void *module)
{
	pr_info("wt: %s %lu\n", ((struct module *)module)->name, event);
	return 0;
}
static struct notifier_block block = { .notifier_call = on_module };
static int __init waiters_in(void)
{
	unsigned long start = jiffies;
	struct task_struct *a, *b, *c;

	mutex_init(&own); pr_info("wt: locked %d\n", mutex_is_locked(&own));
	mutex_lock(&own); pr_info("wt: locked %d try %d\n", mutex_is_locked(&own), mutex_trylock(&own));
	mutex_unlock(&own);
	a = kthread_run(adder, NULL, "adder/%d", 1);
	b = kthread_run(adder, NULL, "adder/%d", 2);
	wait_for_completion(&ended); wait_for_completion(&ended);
	pr_info("wt: sum %d\n", sum);
	pr_info("wt: stopped %d\n", kthread_stop(a));
	pr_info("wt: stopped %d\n", kthread_stop(b));
	pr_info("wt: timeout %lu\n", wait_for_completion_timeout(&ended, 5));
	c = kthread_create(never, NULL, "never");
	pr_info("wt: %s\n", c->comm);
	pr_info("wt: never ran %d\n", kthread_stop(c));
	msleep(20); pr_info("wt: ticked %d\n", time_after(jiffies, start + 4));
	pr_info("wt: notifier %d\n", register_module_notifier(&block));
	return 0;
}
static void __exit waiters_out(void) { unregister_module_notifier(&block); }
module_init(waiters_in); module_exit(waiters_out);
MODULE_LICENSE("Dual MIT/GPL");
