// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int pw_value(void);

static int __init px_init(void)
{
	pr_info("px: in %d\n", pw_value());
	return 0;
}

static void __exit px_exit(void)
{
}
module_init(px_init);
module_exit(px_exit);
MODULE_LICENSE("Dual MIT/GPL");
