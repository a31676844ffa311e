// Caches of objects: sizes, alignment, constructors, bulk, RCU-typed ones.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/mempool.h>

struct thing { int a, b; char name[20]; };
static int made;
static void make(void *p) { struct thing *t = p; t->a = 42; t->b = 0; made++; }
static bool clear(const void *p, size_t n) { return !memchr_inv(p, 0, n); }

static void plain(void)
{
	struct kmem_cache *c = kmem_cache_create("ca_plain", 100, 0, 0, NULL);
	void *list[50];
	int i, j, same = 0;

	pr_info("ca: size %u\n", kmem_cache_size(c));
	for (i = 0; i < 50; i++) {
		list[i] = kmem_cache_alloc(c, GFP_KERNEL);
		memset(list[i], i, 100);
		for (j = 0; j < i; j++)
			same += list[j] == list[i];
	}
	for (i = 0; i < 50; i++)
		same += memchr_inv(list[i], i, 100) != NULL;
	pr_info("ca: overlaps %d ksize %zu\n", same, ksize(list[0]));
	for (i = 0; i < 50; i++)
		kmem_cache_free(c, list[i]);
	list[0] = kmem_cache_zalloc(c, GFP_KERNEL);
	pr_info("ca: zalloc %d\n", clear(list[0], 100));
	kfree(list[0]);
	pr_info("ca: bulk %d\n", kmem_cache_alloc_bulk(c, GFP_KERNEL, 50, list));
	kmem_cache_free_bulk(c, 50, list);
	list[0] = kmem_cache_alloc_node(c, GFP_ATOMIC, 0);
	kmem_cache_free(c, list[0]);
	pr_info("ca: shrink %d\n", kmem_cache_shrink(c));
	kmem_cache_destroy(c);
	kmem_cache_destroy(NULL);
}

static void aligned(void)
{
	static const unsigned int aligns[] = { 0, 8, 16, 64, 256, 1024 };
	int i;

	for (i = 0; i < ARRAY_SIZE(aligns); i++) {
		struct kmem_cache *c = kmem_cache_create("ca_aligned", 40, aligns[i], 0, NULL);
		void *a = kmem_cache_alloc(c, GFP_KERNEL), *b = kmem_cache_alloc(c, GFP_KERNEL);
		unsigned long want = max(aligns[i], 8u);

		pr_info("ca: align %u %d\n", aligns[i], IS_ALIGNED((unsigned long)a | (unsigned long)b, want));
		kmem_cache_free(c, a); kmem_cache_free(c, b);
		kmem_cache_destroy(c);
	}
}

static void constructed(void)
{
	struct kmem_cache *c = kmem_cache_create("ca_made", sizeof(struct thing), 0, SLAB_HWCACHE_ALIGN, make);
	struct thing *t = kmem_cache_alloc(c, GFP_KERNEL), *u;

	pr_info("ca: constructed %d %d at least once %d\n", t->a, t->b, made > 0);
	t->a = 7;
	kmem_cache_free(c, t);
	u = kmem_cache_alloc(c, GFP_KERNEL);
	pr_info("ca: again the same %d as it was left %d\n", t == u, u->a);
	kmem_cache_free(c, u);
	kmem_cache_destroy(c);
	c = kmem_cache_create("ca_rcu", sizeof(struct thing), 0, SLAB_TYPESAFE_BY_RCU, make);
	t = kmem_cache_alloc(c, GFP_KERNEL);
	t->b = 5;
	kmem_cache_free(c, t);
	pr_info("ca: readable after free %d\n", READ_ONCE(t->b));
	kmem_cache_destroy(c);
	c = KMEM_CACHE(thing, SLAB_PANIC);
	t = kmem_cache_alloc(c, GFP_KERNEL);
	pr_info("ca: KMEM_CACHE %d\n", kmem_cache_size(c) >= sizeof(*t));
	kmem_cache_free(c, t);
	kmem_cache_destroy(c);
	c = kmem_cache_create_usercopy("ca_user", 64, 0, 0, 8, 16, NULL);
	pr_info("ca: usercopy %d\n", c != NULL);
	kmem_cache_destroy(c);
}

static int __init ca_in(void)
{
	plain();
	aligned();
	constructed();
	return 0;
}
static void __exit ca_out(void) { }
module_init(ca_in); module_exit(ca_out);
MODULE_LICENSE("GPL");
