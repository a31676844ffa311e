// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int sb_pass(void);
int sw_nobody(void) __weak;

static int __init sw_init(void)
{
	pr_info("sw: in %d %s\n", sb_pass(), sw_nobody ? "somebody" : "nobody");
	return 0;
}

static void __exit sw_exit(void)
{
}
module_init(sw_init);
module_exit(sw_exit);
MODULE_LICENSE("Dual MIT/GPL");
