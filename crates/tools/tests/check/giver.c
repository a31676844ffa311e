// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int given = 1;
EXPORT_SYMBOL(given);

/* Others want it, and it is not exported. */
int withheld = 2;

int given_function(int value);
int given_function(int value)
{
	return value + withheld;
}

static int __init gi_init(void)
{
	return 0;
}

static void __exit gi_exit(void)
{
}

module_init(gi_init);
module_exit(gi_exit);
MODULE_DESCRIPTION("has what needy wants");
MODULE_LICENSE("Dual MIT/GPL");
