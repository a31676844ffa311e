// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init mo_init(void)
{
	return 0;
}

static void __exit mo_exit(void)
{
}
module_init(mo_init);
module_exit(mo_exit);
MODULE_LICENSE("Dual MIT/GPL");
