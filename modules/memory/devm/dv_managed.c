// What goes with a device: memory and actions, the last first.
#include <linux/module.h>
#include <linux/device.h>
#include <linux/slab.h>

static void gone(void *data) { pr_info("dv: action %s\n", (char *)data); }

static int __init dv_in(void)
{
	struct device *dev = root_device_register("dv_root");
	char *p, *q, *s;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	p = devm_kzalloc(dev, 300, GFP_KERNEL);
	q = devm_kmalloc(dev, 64, GFP_KERNEL);
	pr_info("dv: clear %d aligned %d zero %d\n", !memchr_inv(p, 0, 300), IS_ALIGNED((unsigned long)q, 8), devm_kmalloc(dev, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	s = devm_kstrdup(dev, "text", GFP_KERNEL);
	pr_info("dv: %s %s\n", s, devm_kasprintf(dev, GFP_KERNEL, "%d and %s", 7, s));
	pr_info("dv: copy %s null %d\n", (char *)devm_kmemdup(dev, "copied", 7, GFP_KERNEL), devm_kstrdup(dev, NULL, GFP_KERNEL) == NULL);
	pr_info("dv: array %d overflow %d\n", devm_kcalloc(dev, 4, 4, GFP_KERNEL) != NULL, devm_kmalloc_array(dev, SIZE_MAX / 2, 3, GFP_KERNEL) == NULL);
	pr_info("dv: add %d %d %d\n", devm_add_action(dev, gone, "first"), devm_add_action(dev, gone, "second"), devm_add_action_or_reset(dev, gone, "third"));
	devm_remove_action(dev, gone, "second");
	devm_release_action(dev, gone, "third");
	devm_add_action(dev, gone, "fourth");
	devm_kfree(dev, q);
	pr_info("dv: unregister\n");
	root_device_unregister(dev);
	pr_info("dv: done\n");
	return 0;
}
static void __exit dv_out(void) { }
module_init(dv_in); module_exit(dv_out);
MODULE_LICENSE("GPL");
