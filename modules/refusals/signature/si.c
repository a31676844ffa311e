// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init si_init(void)
{
	return 0;
}

static void __exit si_exit(void)
{
}
module_init(si_init);
module_exit(si_exit);
MODULE_LICENSE("Dual MIT/GPL");
