// SPDX-License-Identifier: MIT OR Apache-2.0
#include <linux/init.h>
#include <linux/module.h>
#include <linux/slab.h>

static int pairs = 1, size = 64, live;
module_param(pairs, int, 0444);
module_param(size, int, 0444);
module_param(live, int, 0444);
static void *kept[256];
static struct kmem_cache *cache;

/* The same with a cache of its own. */
static int of_cache(void)
{
	int i;

	cache = kmem_cache_create("churn", size, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	for (i = 0; i < pairs; i++) {
		void *p = kmem_cache_alloc(cache, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		*(volatile char *)p = 1;
		kmem_cache_free(cache, p);
	}
	kmem_cache_destroy(cache);
	return 0;
}

/* Takes and gives blocks: one at a time, or (live 1) of many sizes with 256 of them there, or (live 2) objects of a cache. */
static int __init churn_init(void)
{
	unsigned int dice = 1;
	int i;

	if (live == 2)
		return of_cache();
	for (i = 0; i < pairs; i++) {
		void *p = kmalloc(live ? 8 + (dice >> 16) % 1000 : size, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		*(volatile char *)p = 1;
		if (live) {
			dice = dice * 1664525 + 1013904223;
			swap(p, kept[dice >> 24]);
		}
		kfree(p);
	}
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		kfree(kept[i]);
	return 0;
}

static void __exit churn_exit(void)
{
}

module_init(churn_init);
module_exit(churn_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Takes and gives memory");
