// Leaves things behind that would be done later, or lets them fault; `what` chooses.
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/workqueue.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/delay.h>

static int what;
module_param(what, int, 0);
static struct kept { struct timer_list timer; struct hrtimer hr; struct work_struct work; struct delayed_work dw; struct rcu_head rcu; } *k;
static struct workqueue_struct *wq;
static void ring(struct timer_list *t) { pr_info("later: rang\n"); }
static enum hrtimer_restart hr_ring(struct hrtimer *t) { pr_info("later: rang\n"); return HRTIMER_NORESTART; }
static void work(struct work_struct *w) { pr_info("later: worked\n"); }
static void hold(struct work_struct *w) { msleep(300); }
static void called(struct rcu_head *h) { pr_info("later: called\n"); }
static void spoil(void) { *(volatile int *)0x30 = 1; }
static void bad_ring(struct timer_list *t) { spoil(); }
static void bad_work(struct work_struct *w) { spoil(); }
static void tasklet(struct tasklet_struct *t) { pr_info("later: tasklet\n"); }
static DECLARE_TASKLET_DISABLED(off, tasklet);
static struct work_struct holder;

static int __init later_in(void)
{
	k = kzalloc(sizeof(*k), GFP_KERNEL);
	timer_setup(&k->timer, what == 6 ? bad_ring : ring, 0);
	INIT_WORK(&k->work, what == 7 ? bad_work : work);
	INIT_DELAYED_WORK(&k->dw, work);
	switch (what) {
	case 1:
		mod_timer(&k->timer, jiffies + 5 * HZ);
		break;
	case 2:
		hrtimer_init(&k->hr, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
		k->hr.function = hr_ring;
		hrtimer_start(&k->hr, ms_to_ktime(5000), HRTIMER_MODE_REL);
		break;
	case 3:
		schedule_delayed_work(&k->dw, 5 * HZ);
		break;
	case 4:
		wq = alloc_ordered_workqueue("later_line", 0);
		INIT_WORK(&holder, hold);
		queue_work(wq, &holder);
		msleep(10);
		queue_work(wq, &k->work);
		break;
	case 5:
		tasklet_schedule(&off);
		break;
	case 6:
		mod_timer(&k->timer, jiffies + 1);
		msleep(50);
		timer_setup(&k->timer, ring, 0);
		mod_timer(&k->timer, jiffies + 1);
		msleep(50);
		break;
	case 7:
		schedule_work(&k->work);
		msleep(50);
		INIT_WORK(&k->work, work);
		schedule_work(&k->work);
		flush_work(&k->work);
		break;
	case 8:
		mod_timer(&k->timer, jiffies + HZ / 4);
		kfree(k);
		msleep(400);
		return 0;
	case 9:
		wq = alloc_workqueue("later_mine", 0, 0);
		queue_work(wq, &k->work);
		flush_work(&k->work);
		break;
	}
	return 0;
}
static void __exit later_out(void)
{
	if (what == 4)
		flush_work(&holder);
	if (what >= 6 && what != 8)
		kfree(k);
}
module_init(later_in);
module_exit(later_out);
MODULE_LICENSE("GPL");
