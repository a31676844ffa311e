// Resources of a module's own kinds, and groups of them: what is undone, and in which order.
#include <linux/module.h>
#include <linux/device.h>
#include <linux/slab.h>

static void one(struct device *dev, void *res) { pr_info("dn: one %d\n", *(int *)res); }
static void two(struct device *dev, void *res) { pr_info("dn: two %d\n", *(int *)res); }
static int is(struct device *dev, void *res, void *data) { return *(int *)res == *(int *)data; }
static void each(struct device *dev, void *res, void *data) { pr_info("dn: each %d %s\n", *(int *)res, (char *)data); }

static int *make(struct device *dev, dr_release_t release, int value)
{
	int *p = devres_alloc(release, sizeof(*p), GFP_KERNEL);

	*p = value;
	if (dev)
		devres_add(dev, p);
	return p;
}

static int __init dn_in(void)
{
	struct device *dev = root_device_register("dn_root");
	int *p, *q, value = 2, other = 7;
	void *group, *inner;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	p = devres_alloc(one, 100, GFP_KERNEL);
	pr_info("dn: clear %d\n", !memchr_inv(p, 0, 100));
	devres_free(p);
	devres_free(NULL);
	make(dev, one, 1);
	p = make(dev, one, 2);
	q = make(dev, two, 2);
	make(dev, one, 3);
	pr_info("dn: find %d %d %d\n", devres_find(dev, one, is, &value) == p, devres_find(dev, two, NULL, NULL) == q, devres_find(dev, two, is, &other) == NULL);
	pr_info("dn: newest %d\n", *(int *)devres_find(dev, one, NULL, NULL));
	pr_info("dn: get %d\n", devres_get(dev, make(NULL, one, 2), is, &value) == p);
	pr_info("dn: get new %d\n", *(int *)devres_get(dev, make(NULL, one, 7), is, &other));
	devres_for_each_res(dev, one, NULL, NULL, each, "all");
	devres_for_each_res(dev, one, is, &value, each, "some");
	p = devres_remove(dev, one, is, &value);
	pr_info("dn: removed %d %d\n", *p, devres_remove(dev, one, is, &value) == NULL);
	devres_free(p);
	pr_info("dn: destroy %d\n", devres_destroy(dev, one, is, &other));
	pr_info("dn: again %d\n", devres_destroy(dev, one, is, &other));
	pr_info("dn: release %d\n", devres_release(dev, two, NULL, NULL));
	pr_info("dn: again %d\n", devres_release(dev, two, NULL, NULL));
	group = devres_open_group(dev, NULL, GFP_KERNEL);
	make(dev, one, 10);
	inner = devres_open_group(dev, &value, GFP_KERNEL);
	pr_info("dn: id %d %d\n", group != NULL, inner == &value);
	make(dev, two, 11);
	devm_kmalloc(dev, 10, GFP_KERNEL);
	devres_close_group(dev, NULL);
	make(dev, one, 12);
	pr_info("dn: inner %d\n", devres_release_group(dev, inner));
	inner = devres_open_group(dev, NULL, GFP_KERNEL);
	make(dev, one, 13);
	devres_remove_group(dev, inner);
	pr_info("dn: outer %d\n", devres_release_group(dev, group));
	devres_open_group(dev, &other, GFP_KERNEL);
	make(dev, two, 20);
	devres_close_group(dev, &other);
	pr_info("dn: unregister\n");
	root_device_unregister(dev);
	pr_info("dn: done\n");
	return 0;
}
static void __exit dn_out(void) { }
module_init(dn_in); module_exit(dn_out);
MODULE_LICENSE("GPL");
