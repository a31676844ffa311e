// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int wa_value(void);

static int __init wb_init(void)
{
	pr_info("wb: in %d\n", wa_value());
	return 0;
}

static void __exit wb_exit(void)
{
}
module_init(wb_init);
module_exit(wb_exit);
MODULE_LICENSE("Dual MIT/GPL");
