// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/delay.h>

static int sleep;
module_param(sleep, int, 0444);
static int slow;
module_param(slow, int, 0444);
static int result;
module_param(result, int, 0444);

int wa_value(void);
int wa_value(void)
{
	return 5;
}
EXPORT_SYMBOL_GPL(wa_value);

/* Slow to come, and to go. */
static int __init wa_init(void)
{
	msleep(sleep);
	pr_info("wa: done with %d\n", result);
	return result;
}

static void __exit wa_exit(void)
{
	msleep(slow);
	pr_info("wa: gone\n");
}
module_init(wa_init);
module_exit(wa_exit);
MODULE_LICENSE("Dual MIT/GPL");
