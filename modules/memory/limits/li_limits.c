// Requests that cannot be met, without __GFP_NOWARN: what the kernel says.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/mm.h>

static int __init li_in(void)
{
	volatile size_t most = KMALLOC_MAX_SIZE;

	pr_info("li: kmalloc %d\n", kmalloc(most + 1, GFP_KERNEL) == NULL);
	pr_info("li: again %d\n", kmalloc(most + 1, GFP_KERNEL) == NULL);
	pr_info("li: vmalloc 0 %d\n", vmalloc(0) == NULL);
	pr_info("li: vmalloc more than memory %d\n", vmalloc(1UL << 46) == NULL);
	pr_info("li: percpu %d\n", __alloc_percpu(most, 8) == NULL);
	return 0;
}
static void __exit li_out(void) { }
module_init(li_in); module_exit(li_out);
MODULE_LICENSE("GPL");
