// dev_*() with a device without a driver, and with none.
#include <linux/module.h>
#include <linux/device.h>
static struct device *dev;
static int __init devs_in(void)
{
	dev = root_device_register("brook");
	if (IS_ERR(dev)) return PTR_ERR(dev);
	dev_emerg(dev, "dv: emerg\n"); dev_alert(dev, "dv: alert\n"); dev_crit(dev, "dv: crit\n"); dev_err(dev, "dv: err\n");
	dev_warn(dev, "dv: warn\n"); dev_notice(dev, "dv: notice\n"); dev_info(dev, "dv: info %d\n", 5); dev_dbg(dev, "dv: not shown\n");
	dev_printk(KERN_DEBUG, dev, "dv: debug by dev_printk\n");
	dev_info(dev, "dv: no newline");
	dev_info(NULL, "dv: no device\n");
	pr_info("dv: dev_err_probe gave %d\n", dev_err_probe(dev, -EINVAL, "dv: probing\n"));
	dev_info_once(dev, "dv: once\n");
	return 0;
}
static void __exit devs_out(void) { root_device_unregister(dev); }
module_init(devs_in); module_exit(devs_out);
MODULE_LICENSE("Dual MIT/GPL");
