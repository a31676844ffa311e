// What workqueues and timers warn of.
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/delay.h>
#include <linux/timer.h>

static struct workqueue_struct *wq;
static int loops;
static void loop(struct work_struct *w) { if (loops-- > 0) queue_work(wq, w); }
static DECLARE_WORK(looping, loop);
static void nothing(struct work_struct *w) { }
static struct work_struct blank;
static bool in_work;
static void flush_self(struct work_struct *w) { in_work = true; }
static DECLARE_WORK(plain, nothing);
static DECLARE_WORK(self, flush_self);
static void outside(struct work_struct *w) { }
static DECLARE_WORK(late, outside);
static void hold(struct work_struct *w) { msleep(50); queue_work(system_wq, &plain); }
static DECLARE_WORK(holder, hold);
static void ring(struct timer_list *t) { }
static DEFINE_TIMER(bell, ring);

static int __init wkw_in(void)
{
	pr_info("ww: too many\n");
	wq = alloc_workqueue("lkwkw_many", 0, 100000);
	destroy_workqueue(wq);
	pr_info("ww: negative\n");
	wq = alloc_workqueue("lkwkw_few", WQ_UNBOUND, -1);
	destroy_workqueue(wq);
	pr_info("ww: drain\n");
	wq = alloc_workqueue("lkwkw_loop", 0, 0);
	loops = 12;
	queue_work(wq, &looping);
	drain_workqueue(wq);
	destroy_workqueue(wq);
	pr_info("ww: without a function\n");
	pr_info("ww: flush %d\n", flush_work(&blank));
	pr_info("ww: cancel %d\n", cancel_work_sync(&blank));
	pr_info("ww: armed\n");
	mod_timer(&bell, jiffies + 100 * HZ);
	pr_info("ww: del %d\n", del_timer_sync(&bell));
	queue_work(system_wq, &self);
	flush_work(&self);
	pr_info("ww: ran %d\n", in_work);
	return 0;
}
static void __exit wkw_out(void) { }
module_init(wkw_in); module_exit(wkw_out);
MODULE_LICENSE("Dual MIT/GPL");
