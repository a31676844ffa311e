// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init cl_ab_init(void)
{
	pr_info("cl: cl_ab is here\n");
	return 0;
}

static void __exit cl_ab_exit(void)
{
	pr_info("cl: cl_ab goes\n");
}
module_init(cl_ab_init);
module_exit(cl_ab_exit);
MODULE_LICENSE("Dual MIT/GPL");
