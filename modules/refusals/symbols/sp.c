// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/timekeeping.h>

int sa_open(void);

/* Uses a GPL-only symbol of the kernel and an open one of another module. */
static int __init sp_init(void)
{
	pr_info("sp: in %d\n", sa_open() + (ktime_get() < 0));
	return 0;
}

static void __exit sp_exit(void)
{
}
module_init(sp_init);
module_exit(sp_exit);
MODULE_LICENSE("Dual MIT/GPL");
