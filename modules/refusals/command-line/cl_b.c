// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init cl_b_init(void)
{
	pr_info("cl: cl_b is here\n");
	return 0;
}

static void __exit cl_b_exit(void)
{
	pr_info("cl: cl_b goes\n");
}
module_init(cl_b_init);
module_exit(cl_b_exit);
MODULE_LICENSE("Dual MIT/GPL");
