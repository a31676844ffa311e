// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

/* Gives back as many references as are written, though it took none. */
static int put(const char *text, const struct kernel_param *kp)
{
	int n, err = kstrtoint(text, 0, &n);

	for (; !err && n > 0; n--)
		module_put(THIS_MODULE);
	for (; !err && n < 0; n++)
		pr_info("pt: got %d\n", try_module_get(THIS_MODULE));
	pr_info("pt: count %d\n", module_refcount(THIS_MODULE));
	return err;
}

static const struct kernel_param_ops ops = { .set = put };
module_param_cb(put, &ops, NULL, 0200);

static int __init pt_init(void)
{
	return 0;
}

static void __exit pt_exit(void)
{
	pr_info("pt: out\n");
}
module_init(pt_init);
module_exit(pt_exit);
MODULE_LICENSE("Dual MIT/GPL");
