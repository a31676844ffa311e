// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int number;
module_param(number, int, 0444);

static int __init na_init(void)
{
	pr_info("na: in\n");
	return 0;
}

static void __exit na_exit(void)
{
}
module_init(na_init);
module_exit(na_exit);
MODULE_LICENSE("Dual MIT/GPL");
