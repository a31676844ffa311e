// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init ch_init(void)
{
	return 0;
}

static void __exit ch_exit(void)
{
}
module_init(ch_init);
module_exit(ch_exit);
MODULE_LICENSE("Dual MIT/GPL");
