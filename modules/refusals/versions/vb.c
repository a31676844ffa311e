// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int vb_one(void);
int vb_one(void)
{
	return 1;
}
EXPORT_SYMBOL(vb_one);

int vb_two(void);
int vb_two(void)
{
	return 2;
}
EXPORT_SYMBOL_GPL(vb_two);
MODULE_LICENSE("Dual MIT/GPL");
