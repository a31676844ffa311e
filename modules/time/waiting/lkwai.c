// Wait queues: entries by hand, functions of entries, who is woken by what, waits that a signal ends.
#include <linux/module.h>
#include <linux/wait.h>
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

static DECLARE_WAIT_QUEUE_HEAD(queue);
static wait_queue_head_t made;
static atomic_t here = ATOMIC_INIT(0), woken = ATOMIC_INIT(0);
static int order[8], norder, go;
static int called(struct wait_queue_entry *e, unsigned mode, int flags, void *key)
{
	order[norder++ & 7] = (long)e->private;
	return (long)e->private == 3;
}
static int by_hand(void *arg)
{
	DEFINE_WAIT(wait);

	for (;;) {
		prepare_to_wait(&queue, &wait, TASK_INTERRUPTIBLE);
		atomic_inc(&here);
		if (go)
			break;
		schedule();
	}
	finish_wait(&queue, &wait);
	atomic_inc(&woken);
	return list_empty(&wait.entry);
}
static int woken_way(void *arg)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	long left;

	add_wait_queue(&made, &wait);
	atomic_inc(&here);
	left = wait_woken(&wait, TASK_INTERRUPTIBLE, 10 * HZ);
	remove_wait_queue(&made, &wait);
	atomic_inc(&woken);
	return left > 0;
}
static int alone(void *arg)
{
	atomic_inc(&here);
	wait_event_interruptible_exclusive(queue, go >= (long)arg);
	atomic_inc(&woken);
	return 0;
}
static int signalled(void *arg)
{
	long r;

	allow_signal(SIGTERM);
	atomic_inc(&here);
	r = wait_event_interruptible_timeout(queue, 0, 10 * HZ);
	pr_info("wa: timed wait %ld pending %d\n", r, signal_pending(current));
	r = schedule_timeout_interruptible(HZ);
	pr_info("wa: sleep with a signal %d\n", r > 0);
	flush_signals(current);
	atomic_inc(&woken);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(2);
	return 6;
}
static void wait_for(atomic_t *what, int n)
{
	while (atomic_read(what) < n)
		msleep(2);
	msleep(20);
	atomic_set(what, 0);
}
static struct task_struct *start(int (*f)(void *), long arg)
{
	struct task_struct *t = kthread_create(f, (void *)arg, "lkwai");

	get_task_struct(t);
	wake_up_process(t);
	return t;
}
static int __init wai_in(void)
{
	struct wait_queue_entry e[4];
	struct task_struct *t;
	int i;

	init_waitqueue_head(&made);
	pr_info("wa: active %d has %d\n", waitqueue_active(&made), wq_has_sleeper(&queue));
	for (i = 1; i < 4; i++) {
		init_waitqueue_func_entry(&e[i], called);
		e[i].private = (void *)(long)i;
		if (i == 1)
			add_wait_queue_exclusive(&made, &e[i]);
		else
			add_wait_queue(&made, &e[i]);
	}
	wake_up(&made);
	pr_info("wa: called %d: %d %d %d active %d\n", norder, order[0], order[1], order[2], waitqueue_active(&made));
	norder = 0;
	for (i = 1; i < 4; i++)
		remove_wait_queue(&made, &e[i]);
	for (i = 1; i < 4; i++) {
		e[i].private = (void *)3l;
		add_wait_queue_exclusive(&made, &e[i]);
	}
	wake_up_nr(&made, 2);
	pr_info("wa: two of three %d", norder);
	norder = 0;
	wake_up_all(&made);
	pr_cont(" all %d\n", norder);
	for (i = 1; i < 4; i++)
		remove_wait_queue(&made, &e[i]);
	t = start(by_hand, 0);
	wait_for(&here, 1);
	wake_up(&queue);
	wait_for(&here, 1);
	pr_info("wa: woken in vain, active %d", waitqueue_active(&queue));
	go = 1;
	wake_up_interruptible(&queue);
	wait_for(&woken, 1);
	pr_cont(" then %d active %d\n", kthread_stop(t), waitqueue_active(&queue));
	atomic_set(&here, 0);
	t = start(woken_way, 0);
	wait_for(&here, 1);
	wake_up(&made);
	wait_for(&woken, 1);
	pr_info("wa: wait_woken %d\n", kthread_stop(t));
	go = 0;
	for (i = 0; i < 3; i++)
		start(alone, 1);
	wait_for(&here, 3);
	go = 1;
	wake_up_nr(&queue, 2);
	msleep(30);
	pr_info("wa: of those that wait alone %d", atomic_read(&woken));
	wake_up_all(&queue);
	msleep(30);
	pr_cont(" all %d active %d\n", atomic_read(&woken), waitqueue_active(&queue));
	atomic_set(&woken, 0);
	t = start(signalled, 0);
	wait_for(&here, 1);
	pr_info("wa: ignored %d", send_sig(SIGINT, t, 1));
	msleep(20);
	pr_cont(" woken %d\n", atomic_read(&woken));
	pr_info("wa: send %d\n", send_sig(SIGTERM, t, 1));
	wait_for(&woken, 1);
	pr_info("wa: stop %d\n", kthread_stop(t));
	return 0;
}
static void __exit wai_out(void) { }
module_init(wai_in); module_exit(wai_out);
MODULE_LICENSE("GPL");
