// vfree of what is no area.
#include <linux/module.h>
#include <linux/vmalloc.h>

static int __init wf_in(void)
{
	char *v = vmalloc(2 * PAGE_SIZE);

	vfree(v + 8);
	vfree(v + PAGE_SIZE);
	pr_info("wf: goes on\n");
	vfree(v);
	return 0;
}
static void __exit wf_out(void) { }
module_init(wf_in); module_exit(wf_out);
MODULE_LICENSE("GPL");
