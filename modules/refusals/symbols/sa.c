// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int sa_open(void);
int sa_gpl(void);
int sa_inside(void);

int sa_open(void)
{
	return 1;
}
EXPORT_SYMBOL(sa_open);

int sa_gpl(void)
{
	return 2;
}
EXPORT_SYMBOL_GPL(sa_gpl);

int sa_inside(void)
{
	return 4;
}
EXPORT_SYMBOL_NS_GPL(sa_inside, SA_INNER);

static int __init sa_init(void)
{
	return 0;
}

static void __exit sa_exit(void)
{
}
module_init(sa_init);
module_exit(sa_exit);
MODULE_LICENSE("Dual MIT/GPL");
