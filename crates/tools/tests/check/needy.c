// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

extern int given, withheld;
int given_function(int value);
int nowhere_function(int value);

static int __init ne_init(void)
{
	given++;
	withheld++; /* WANT symbol */
	pr_info("ne: %d\n", given_function(1)); /* WANT symbol */
	return nowhere_function(2); /* WANT symbol */
}

static void __exit ne_exit(void)
{
}

module_init(ne_init);
module_exit(ne_exit);
MODULE_DESCRIPTION("needs what giver has");
MODULE_LICENSE("Dual MIT/GPL");
