// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int ua_value(void);
int ua_value(void)
{
	return 5;
}
EXPORT_SYMBOL_GPL(ua_value);

/* Takes or gives back references of its own. */
static int set_held(const char *text, const struct kernel_param *kp)
{
	int n, err = kstrtoint(text, 0, &n);

	if (err)
		return err;
	for (; n > 0; n--)
		__module_get(THIS_MODULE);
	for (; n < 0; n++)
		module_put(THIS_MODULE);
	return 0;
}

static int get_held(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%d\n", module_refcount(THIS_MODULE));
}

static const struct kernel_param_ops held_ops = { .set = set_held, .get = get_held };
module_param_cb(held, &held_ops, NULL, 0644);

static int __init ua_init(void)
{
	pr_info("ua: in, count %d\n", module_refcount(THIS_MODULE));
	return 0;
}

static void __exit ua_exit(void)
{
	bool got = try_module_get(THIS_MODULE);

	pr_info("ua: out, count %d, state %d, got %d\n", module_refcount(THIS_MODULE), THIS_MODULE->state, got);
}
module_init(ua_init);
module_exit(ua_exit);
MODULE_LICENSE("Dual MIT/GPL");
