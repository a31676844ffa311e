// An object is given back to another cache than its own.
#include <linux/module.h>
#include <linux/slab.h>

static int __init wf_in(void)
{
	struct kmem_cache *a = kmem_cache_create("wf_a", 72, 0, SLAB_POISON, NULL);
	struct kmem_cache *b = kmem_cache_create("wf_b", 72, 0, SLAB_POISON | SLAB_HWCACHE_ALIGN, NULL);
	void *p = kmem_cache_alloc(a, GFP_KERNEL);

	kmem_cache_free(b, p);
	pr_info("wf: goes on\n");
	kmem_cache_destroy(a);
	kmem_cache_destroy(b);
	return 0;
}
static void __exit wf_out(void) { }
module_init(wf_in); module_exit(wf_out);
MODULE_LICENSE("GPL");
