// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

/* No exit: it stays. */
static int __init up_init(void)
{
	pr_info("up: in\n");
	return 0;
}
module_init(up_init);
MODULE_LICENSE("Dual MIT/GPL");
