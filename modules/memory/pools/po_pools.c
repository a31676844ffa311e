// Pools of memory that never fails.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/mempool.h>
#include <linux/mm.h>

static int made, gone;
static void *make(gfp_t flags, void *data) { made++; return kmalloc(*(int *)data, flags); }
static void unmake(void *p, void *data) { gone++; kfree(p); }
static bool refuse;
static void *sometimes(gfp_t flags, void *data) { return refuse ? NULL : kmalloc(32, flags); }

static int __init po_in(void)
{
	static int size = 50;
	struct kmem_cache *c = kmem_cache_create("po_cache", 80, 0, 0, NULL);
	mempool_t *pool = mempool_create(4, make, unmake, &size);
	mempool_t inside;
	void *list[6];
	int i;

	pr_info("po: made %d min %d have %d\n", made, pool->min_nr, pool->curr_nr);
	list[0] = mempool_alloc(pool, GFP_KERNEL);
	pr_info("po: made %d have %d\n", made, pool->curr_nr);
	mempool_free(list[0], pool);
	pr_info("po: gone %d have %d\n", gone, pool->curr_nr);
	pr_info("po: resize %d min %d have %d\n", mempool_resize(pool, 6), pool->min_nr, pool->curr_nr);
	pr_info("po: resize %d min %d have %d gone %d\n", mempool_resize(pool, 2), pool->min_nr, pool->curr_nr, gone);
	mempool_destroy(pool);
	pr_info("po: all gone %d\n", made == gone);

	pool = mempool_create(3, sometimes, mempool_kfree, NULL);
	refuse = true;
	for (i = 0; i < 4; i++) {
		list[i] = mempool_alloc(pool, GFP_NOWAIT);
		pr_info("po: from the reserve %d have %d\n", list[i] != NULL, pool->curr_nr);
	}
	for (i = 0; i < 3; i++)
		mempool_free(list[i], pool);
	pr_info("po: full again %d\n", pool->curr_nr);
	mempool_destroy(pool);

	pool = mempool_create_slab_pool(2, c);
	list[0] = mempool_alloc(pool, GFP_KERNEL); mempool_free(list[0], pool);
	mempool_destroy(pool);
	pool = mempool_create_kmalloc_pool(2, 128);
	list[0] = mempool_alloc(pool, GFP_KERNEL); pr_info("po: kmalloc pool %zu\n", ksize(list[0])); mempool_free(list[0], pool);
	mempool_destroy(pool);
	pool = mempool_create_page_pool(2, 1);
	list[0] = mempool_alloc(pool, GFP_KERNEL); pr_info("po: page pool %d\n", page_count(list[0])); mempool_free(list[0], pool);
	mempool_destroy(pool);
	pr_info("po: init %d\n", mempool_init_kmalloc_pool(&inside, 3, 40));
	list[0] = mempool_alloc(&inside, GFP_KERNEL); mempool_free(list[0], &inside);
	mempool_exit(&inside);
	mempool_destroy(NULL); mempool_free(NULL, &inside);
	kmem_cache_destroy(c);
	return 0;
}
static void __exit po_out(void) { }
module_init(po_in); module_exit(po_out);
MODULE_LICENSE("GPL");
