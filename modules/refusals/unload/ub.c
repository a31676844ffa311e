// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int ua_value(void);

static int __init ub_init(void)
{
	pr_info("ub: in %d\n", ua_value());
	return 0;
}

static void __exit ub_exit(void)
{
	pr_info("ub: out\n");
}
module_init(ub_init);
module_exit(ub_exit);
MODULE_LICENSE("Dual MIT/GPL");
