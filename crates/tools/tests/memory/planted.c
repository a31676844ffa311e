// One mistake a run: error=N. The line that a report must name first is marked E followed by the number.
#include <linux/module.h>
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/i2c.h>
#include <linux/nls.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/property.h>
#include <linux/serio.h>
#include <linux/spi/spi.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/mm.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/mempool.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/xarray.h>
#include <crypto/internal/hash.h>

static int error;
module_param(error, int, 0);
static char global[64];
static char *kept;
static volatile char seen;

static noinline char *get(size_t size)
{
	char *p = kmalloc(size, GFP_KERNEL); // E12 E25
	OPTIMIZER_HIDE_VAR(p);
	return p;
}

static noinline void put(char *p)
{
	kfree(p); // E3 E4 E7 E8 E9 E10 E23 E27 E28 E57
	barrier(); // no jump in the place of the call
}

static noinline void fill(char *p, size_t at)
{
	((volatile char *)p)[at] = 1; // E2 E6 E18 E20 E22 E29 E56
}

static noinline void look(const char *p, size_t at)
{
	seen = ((const volatile char *)p)[at]; // E1 E5 E38 E17 E21 E26 E51 E52 E54 E55 E58
}

static noinline void accesses(void)
{
	char *p = get(40);

	switch (error) {
	case 1: look(p, 40); break;
	case 2: fill(p, 40); break;
	case 5: put(p); look(p, 8); return;
	case 6: put(p); fill(p, 8); return;
	case 20: put(p); p = get(20000); fill(p, 20000); break;
	case 21: put(p); p = get(20000); put(p); look(p, 19999); return;
	case 24: memset(p + 30, 1, 11); break; // E24
	case 26: { char *old = p; p = krealloc(p, 5000, GFP_KERNEL); OPTIMIZER_HIDE_VAR(old); look(old, 0); break; }
	case 38: look(p, -4100); break;
	case 29: put(p); p = kcalloc(5, 8, GFP_KERNEL); fill(p, 5 * 8); break;
	}
	put(p);
}

static noinline void canaries(void)
{
	char *p = get(13);

	((volatile char *)p)[error == 3 ? 13 : -1] = 0x41; // X3 X4
	put(p);
}

static noinline void frees(void)
{
	char *p = get(40), *q = get(40);

	switch (error) {
	case 7: put(p); put(q); put(p); return;
	case 8: put(p + 8); break;
	case 9: { char *v = vmalloc(100); put(v); vfree(v); break; }
	case 10: { char *a = (char *)__get_free_page(GFP_KERNEL); put(a); free_page((unsigned long)a); break; }
	case 23: put(q + 39); break;
	case 28: { char *l = get(50000); put(l + 4096); put(l); break; }
	case 27: put(p); put(q); put(global + 8); return;
	}
	put(p);
	put(q);
}

static noinline void leaks(void)
{
	switch (error) {
	case 12: kept = get(40); break;
	case 13: kept = vzalloc(9000); break; // E13
	case 14: kept = (char *)__get_free_pages(GFP_KERNEL, 2); break; // E14
	case 15: kept = (char *)(unsigned long)__alloc_percpu(32, 8); break; // E15
	case 16: kept = (char *)mempool_create_kmalloc_pool(2, 64); break; // E16
	}
}

static noinline void caches(void)
{
	struct kmem_cache *a = kmem_cache_create("planted_a", 48, 0, 0, NULL);
	struct kmem_cache *b = kmem_cache_create("planted_b", 48, 0, 0, NULL);
	char *p = kmem_cache_alloc(a, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	switch (error) {
	case 17: kmem_cache_free(a, p); look(p, 0); goto out;
	case 18: fill(p, 48); break;
	case 19: kmem_cache_free(b, p); goto out; // E19
	case 30: kmem_cache_free(a, p + 8); break; // E30
	}
	kmem_cache_free(a, p);
out:
	kmem_cache_destroy(a);
	kmem_cache_destroy(b);
}

static noinline void pages(void)
{
	struct page *p = alloc_pages(GFP_KERNEL, 1);

	if (error == 31)
		__free_pages(p, 0); // E31
	else
		__free_pages(p, 1);
	if (error == 32)
		__free_pages(p, 1); // E32
	barrier();
}

struct item { struct list_head list; char text[24]; };

static noinline void one_array(void)
{
	LIST_HEAD(list);
	struct item *all = kmalloc_array(100, sizeof(*all), GFP_KERNEL), *item, *next;
	int i;

	for (i = 0; i < 100; i++)
		list_add_tail(&all[i].list, &list);
	list_for_each_entry_safe(item, next, &list, list) // E33
		kfree(item); // E34
}

static noinline void large(void)
{
	char *p = NULL, *v;

	switch (error) {
	case 51: p = (char *)__get_free_pages(GFP_KERNEL, 1); look(p, 8192); free_pages((unsigned long)p, 1); break;
	case 52: p = (char *)__get_free_page(GFP_KERNEL); free_page((unsigned long)p); look(p, 100); break;
	case 53: v = vmalloc(100); fill(v, 100); vfree(v); break; // E53
	case 54: v = vmalloc(100); look(v, 4096); vfree(v); break;
	case 55: v = vmalloc(5000); vfree(v); look(v, 8); break;
	case 56: p = get(1 << 20); fill(p, 1 << 20); put(p); break;
	case 57: p = get(4 << 20); put(p); put(p); break;
	case 58: p = (char *)__get_free_pages(GFP_KERNEL, 2); split_page(virt_to_page(p), 2); free_page((unsigned long)p + 4096); look(p, 4096 + 8); break;
	}
	barrier();
}

static int told(struct notifier_block *block, unsigned long event, void *data) { return NOTIFY_DONE; }
static struct notifier_block block = { .notifier_call = told };
static int idle(void *data) { return 0; }
static struct pci_driver pci = { .name = "planted_pci" };
static struct i2c_driver i2c = { .driver.name = "planted_i2c" };
static struct platform_driver platform = { .driver.name = "planted_platform" };
static struct spi_driver spi = { .driver.name = "planted_spi" };
static struct serio_driver serio = { .driver.name = "planted_serio" };
static struct nls_table table = { .charset = "planted" };
static const struct software_node node = { .name = "planted" };
static struct shash_alg hash = {
	.digestsize = 4, .descsize = 4,
	.base = { .cra_name = "planted", .cra_driver_name = "planted-lkm", .cra_blocksize = 1, .cra_module = THIS_MODULE },
};
static DEFINE_XARRAY(numbers);
static DEFINE_IDA(ids);

static noinline void things(void)
{
	switch (error) {
	case 39: seen = pci_register_driver(&pci); break; // E39
	case 40: seen = i2c_add_driver(&i2c); break; // E40
	case 41: seen = platform_driver_register(&platform); break; // E41
	case 42: seen = spi_register_driver(&spi); break; // E42
	case 43: seen = serio_register_driver(&serio); break; // E43
	case 44: seen = register_nls(&table); break; // E44
	case 45: seen = software_node_register(&node); break; // E45
	case 46: seen = crypto_register_shash(&hash); break; // E46
	case 47: xa_store(&numbers, 5, &numbers, GFP_KERNEL); break; // E47
	case 48: seen = ida_alloc_min(&ids, 100, GFP_KERNEL); break; // E48
	case 49: kept = (char *)dma_pool_create("planted", NULL, 64, 8, 0); break; // E49
	case 59: {
		struct dma_pool *pool = dma_pool_create("planted", NULL, 64, 8, 0);
		dma_addr_t at;

		kept = dma_pool_alloc(pool, GFP_KERNEL, &at); // E59
		break;
	}
	case 50: kept = (char *)kmem_cache_create("planted_left", 48, 0, 0, NULL); break; // E50
	case 35: kept = (char *)kthread_create(idle, NULL, "planted"); break; // E35
	case 36: register_module_notifier(&block); break; // E36
	case 37: kept = (char *)root_device_register("planted"); break; // E37
	}
	barrier();
}

static noinline void many(void)
{
	void **all = vmalloc(40000 * sizeof(*all));
	int i;

	for (i = 0; i < 40000; i++)
		all[i] = kmalloc(16, GFP_KERNEL);
	for (i = 0; i < 40000; i++)
		kfree(all[i]);
	vfree(all);
}

static int __init planted_in(void)
{
	if (error == 33 || error == 34)
		one_array();
	if (error == 100)
		many();
	accesses();
	if (error == 3 || error == 4)
		canaries();
	frees();
	leaks();
	things();
	caches();
	pages();
	large();
	if (error == 22)
		kept = get(24);
	return 0;
}

static void __exit planted_out(void)
{
	if (error == 22) {
		kfree(kept);
		fill(kept, 23);
	}
	if (error == 25)
		get(8);
}
module_init(planted_in);
module_exit(planted_out);
MODULE_LICENSE("GPL");
