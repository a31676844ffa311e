// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int __init pv_init(void)
{
	pr_info("pv: puts what is nowhere\n");
	symbol_put_addr((void *)16);
	pr_info("pv: done\n");
	return 0;
}

static void __exit pv_exit(void)
{
}
module_init(pv_init);
module_exit(pv_exit);
MODULE_LICENSE("Dual MIT/GPL");
