// Who wakes another task goes on first, and says what it has to say.
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
static char *what = "?";
static void fn(struct work_struct *w) { pr_info("wn: %s second\n", what); }
static DECLARE_WORK(w1, fn);
static DECLARE_WORK(w2, fn);
static void tfn(struct tasklet_struct *t) { pr_info("wn: tasklet second\n"); }
static DECLARE_TASKLET(tl, tfn);
static int __init o_in(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		what = "bound";
		queue_work(system_wq, &w1);
		pr_info("wn: bound first\n");
		msleep(30);
		what = "unbound";
		queue_work(system_unbound_wq, &w2);
		pr_info("wn: unbound first\n");
		msleep(30);
		tasklet_schedule(&tl);
		pr_info("wn: tasklet first\n");
		msleep(30);
	}
	return 0;
}
static void __exit o_out(void) { }
module_init(o_in); module_exit(o_out);
MODULE_LICENSE("GPL");
