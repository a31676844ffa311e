// Tasklets: scheduling, disabling, killing, context; bottom halves that are disabled.
#include <linux/module.h>
#include <linux/interrupt.h>
#include <linux/delay.h>

static int ran, old_ran, more;
static bool soft = true;
static void fn(struct tasklet_struct *t)
{
	ran++;
	soft &= in_serving_softirq() && in_interrupt() && !in_hardirq() && !irqs_disabled();
	if (more-- > 0)
		tasklet_schedule(t);
}
static void old_fn(unsigned long data) { old_ran += data; }
static DECLARE_TASKLET(one, fn);
static DECLARE_TASKLET_DISABLED(off, fn);
static struct tasklet_struct two, old;

static int __init tsk_in(void)
{
	tasklet_setup(&two, fn);
	tasklet_init(&old, old_fn, 5);
	tasklet_schedule(&one);
	msleep(20);
	pr_info("tk: ran %d soft %d\n", ran, soft);
	tasklet_hi_schedule(&two);
	tasklet_schedule(&old);
	msleep(20);
	pr_info("tk: ran %d old %d\n", ran, old_ran);
	tasklet_schedule(&off);
	msleep(20);
	pr_info("tk: disabled %d", ran);
	tasklet_enable(&off);
	msleep(20);
	pr_cont(" enabled %d\n", ran);
	more = 3;
	tasklet_schedule(&one);
	msleep(50);
	pr_info("tk: rescheduled itself %d\n", ran);
	local_bh_disable();
	tasklet_schedule(&one);
	mdelay(20);
	pr_info("tk: bottom halves off %d count %d", ran, softirq_count() != 0);
	local_bh_enable();
	pr_cont(" on %d count %d\n", ran, softirq_count() != 0);
	tasklet_schedule(&one);
	tasklet_kill(&one);
	pr_info("tk: killed %d\n", ran);
	tasklet_disable(&two);
	tasklet_schedule(&two);
	msleep(20);
	tasklet_enable(&two);
	tasklet_kill(&two);
	pr_info("tk: at the end %d\n", ran);
	tasklet_kill(&off);
	tasklet_kill(&old);
	return 0;
}
static void __exit tsk_out(void) { }
module_init(tsk_in); module_exit(tsk_out);
MODULE_LICENSE("Dual MIT/GPL");
