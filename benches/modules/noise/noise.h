// SPDX-License-Identifier: MIT OR Apache-2.0
#include <linux/init.h>
#include <linux/module.h>

static int count = 1;
module_param(count, int, 0444);

/* Prints as many records as it is told, with a number and a string in each. */
static int __init noise_init(void)
{
	int i;

	for (i = 0; i < count; i++)
		printk(KERN_DEBUG "noise: record %d of %s\n", i, THIS_MODULE->name);
	return 0;
}

static void __exit noise_exit(void)
{
}

module_init(noise_init);
module_exit(noise_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Prints many records");
