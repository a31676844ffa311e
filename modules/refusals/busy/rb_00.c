// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/kmod.h>
#include <linux/module.h>

/* Asks for a module, whose coming may take its time. The name in the file is changed for each of many loads. */
static int __init rb_init(void)
{
	pr_info("rb: gives %d\n", request_module("rb-busy"));
	return 0;
}

static void __exit rb_exit(void)
{
}
module_init(rb_init);
module_exit(rb_exit);
MODULE_LICENSE("Dual MIT/GPL");
