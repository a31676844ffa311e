// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int sa_open(void);
int sb_pass(void);

/* Exports, and uses another module. */
int sb_pass(void)
{
	return sa_open();
}
EXPORT_SYMBOL(sb_pass);

static int __init sb_init(void)
{
	return 0;
}

static void __exit sb_exit(void)
{
}
module_init(sb_init);
module_exit(sb_exit);
MODULE_LICENSE("Dual MIT/GPL");
