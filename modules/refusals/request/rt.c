// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init rt_init(void)
{
	pr_info("rt: in\n");
	return 0;
}

static void __exit rt_exit(void)
{
}
module_init(rt_init);
module_exit(rt_exit);
MODULE_LICENSE("Dual MIT/GPL");
