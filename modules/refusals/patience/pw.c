// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/delay.h>

static int sleep;
module_param(sleep, int, 0444);

int pw_value(void);
int pw_value(void)
{
	return 5;
}
EXPORT_SYMBOL_GPL(pw_value);

/* Longer under way than others wait for it. */
static int __init pw_init(void)
{
	msleep(sleep);
	pr_info("pw: done\n");
	return 0;
}

static void __exit pw_exit(void)
{
}
module_init(pw_init);
module_exit(pw_exit);
MODULE_LICENSE("Dual MIT/GPL");
