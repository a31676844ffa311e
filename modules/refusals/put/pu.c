// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init pu_init(void)
{
	pr_info("pu: puts what nobody has\n");
	__symbol_put("pu_nobody");
	pr_info("pu: done\n");
	return 0;
}

static void __exit pu_exit(void)
{
}
module_init(pu_init);
module_exit(pu_exit);
MODULE_LICENSE("Dual MIT/GPL");
