// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int sa_open(void);
int sa_gpl(void);
int sa_inside(void);

static int __init su_init(void)
{
	pr_info("su: in %d\n", sa_open() + sa_gpl() + sa_inside());
	return 0;
}

static void __exit su_exit(void)
{
}
module_init(su_init);
module_exit(su_exit);
MODULE_IMPORT_NS(SA_INNER);
MODULE_LICENSE("Dual MIT/GPL");
