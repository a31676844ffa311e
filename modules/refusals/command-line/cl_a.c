// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init cl_a_init(void)
{
	pr_info("cl: cl_a is here\n");
	return 0;
}

static void __exit cl_a_exit(void)
{
	pr_info("cl: cl_a goes\n");
}
module_init(cl_a_init);
module_exit(cl_a_exit);
MODULE_LICENSE("Dual MIT/GPL");
