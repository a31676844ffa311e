// Copies to and from programs that leave the part of an object that programs may be given: each ends its caller.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <linux/thread_info.h>

static int how;
module_param(how, int, 0);
static void made(void *object) { }

static int __init us_in(void)
{
	struct kmem_cache *part = kmem_cache_create_usercopy("us_part", 64, 0, 0, 16, 24, made);
	struct kmem_cache *none = kmem_cache_create("us_none", 64, 0, 0, made);
	char *p = kmem_cache_alloc(part, GFP_KERNEL), *q = kmem_cache_alloc(none, GFP_KERNEL);
	char *k = kmalloc(100, GFP_KERNEL), *l = kmalloc(20000, GFP_KERNEL), *v = vmalloc(5000);

	pr_info("us: case %d\n", how);
	switch (how) {
	case 0:
		__check_object_size(p + 16, 24, true);
		__check_object_size(p + 20, 20, false);
		__check_object_size(q, 0, true);
		__check_object_size(k, 100, true);
		__check_object_size(k + 28, 100, true);
		__check_object_size(l + 1000, 19000, true);
		__check_object_size(v + 100, 4900, true);
		break;
	case 1: __check_object_size(p + 16, 25, true); break;
	case 2: __check_object_size(p + 15, 8, false); break;
	case 3: __check_object_size(p + 40, 1, true); break;
	case 4: __check_object_size(q + 8, 8, true); break;
	case 5: __check_object_size(k + 100, 60, false); break;
	case 6: __check_object_size(l + 30000, 3000, true); break;
	case 7: __check_object_size(v + 4096, 9000, true); break;
	case 8: __check_object_size(NULL, 9, true); break;
	case 9: __check_object_size((void *)-8L, 9, true); break;
	}
	vfree(v);
	kfree(l);
	kfree(k);
	kmem_cache_free(none, q);
	kmem_cache_free(part, p);
	kmem_cache_destroy(none);
	kmem_cache_destroy(part);
	return 0;
}
static void __exit us_out(void) { }
module_init(us_in); module_exit(us_out);
MODULE_LICENSE("GPL");
