// kfree twice in a row.
#include <linux/module.h>
#include <linux/slab.h>

static int __init wf_in(void)
{
	char *p = kmalloc(40, GFP_KERNEL);

	preempt_disable();
	kfree(p);
	kfree(p);
	preempt_enable();
	pr_info("wf: goes on\n");
	return 0;
}
static void __exit wf_out(void) { }
module_init(wf_in); module_exit(wf_out);
MODULE_LICENSE("GPL");
