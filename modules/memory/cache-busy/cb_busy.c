// A cache is destroyed with objects left in it.
#include <linux/module.h>
#include <linux/slab.h>

static int __init cb_in(void)
{
	struct kmem_cache *c = kmem_cache_create("cb_things", 200, 0, SLAB_POISON, NULL);

	if (!kmem_cache_alloc(c, GFP_KERNEL) || !kmem_cache_alloc(c, GFP_KERNEL))
		return -ENOMEM;
	kmem_cache_destroy(c);
	pr_info("cb: goes on\n");
	return 0;
}
static void __exit cb_out(void) { }
module_init(cb_in); module_exit(cb_out);
MODULE_LICENSE("GPL");
