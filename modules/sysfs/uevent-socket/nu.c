// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static int fail;
module_param(fail, int, 0444);

static int __init nu_init(void)
{
	return fail;
}

static void __exit nu_exit(void)
{
}
module_init(nu_init);
module_exit(nu_exit);
MODULE_LICENSE("Dual MIT/GPL");
