// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init tp_init(void)
{
	pr_info("tp: in\n");
	return 0;
}

static void __exit tp_exit(void)
{
}
module_init(tp_init);
module_exit(tp_exit);
MODULE_LICENSE("Dual MIT/GPL");
