// A fault in a work function: the report names the queue and the work, and the kernel goes on.
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/delay.h>

static struct workqueue_struct *own;
static noinline void spoil(int *p) { WRITE_ONCE(*p, 1); }
static void bad(struct work_struct *w) { pr_info("wf: working\n"); spoil((int *)0x40); pr_info("wf: never printed\n"); }
static DECLARE_WORK(bad_work, bad);
static void warn(struct work_struct *w) { set_worker_desc("mending"); WARN(1, "wf: a warning\n"); }
static DECLARE_WORK(warn_work, warn);
static int ran;
static void good(struct work_struct *w) { ran++; }
static DECLARE_WORK(good_work, good);

static int __init wkf_in(void)
{
	own = alloc_workqueue("lkwkf_%s", WQ_UNBOUND, 0, "own");
	queue_work(own, &warn_work);
	flush_work(&warn_work);
	queue_work(own, &bad_work);
	msleep(100);
	queue_work(system_wq, &good_work);
	flush_work(&good_work);
	pr_info("wf: goes on %d\n", ran);
	return 0;
}
module_init(wkf_in);
MODULE_LICENSE("Dual MIT/GPL");
