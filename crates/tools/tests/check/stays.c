// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init st_init(void) /* WANT no-exit */
{
	return 0;
}

module_init(st_init);
MODULE_LICENSE("Dual MIT/GPL");
