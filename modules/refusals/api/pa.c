// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int pa_open(void);
int pa_gpl(void);

int pa_open(void)
{
	return 1;
}
EXPORT_SYMBOL(pa_open);

int pa_gpl(void)
{
	return 2;
}
EXPORT_SYMBOL_GPL(pa_gpl);

static int fail;
module_param(fail, int, 0444);

static int __init pa_init(void)
{
	pr_info("pa: in\n");
	return fail;
}

static void __exit pa_exit(void)
{
	pr_info("pa: out\n");
}
module_init(pa_init);
module_exit(pa_exit);
MODULE_LICENSE("Dual MIT/GPL");
