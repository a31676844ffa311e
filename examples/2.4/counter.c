/* Offers a counter to other modules: two symbols are exported, all others are its own. */
#ifndef MODULE
#define MODULE
#endif
#define EXPORT_SYMTAB
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/init.h>

MODULE_DESCRIPTION("A counter for other modules");
MODULE_LICENSE("GPL");

static int value;

int counter_next(void)
{
	return ++value;
}

void counter_reset(void)
{
	value = 0;
}

EXPORT_SYMBOL(counter_next);
EXPORT_SYMBOL(counter_reset);

static int __init counter_init(void)
{
	printk(KERN_INFO "counter: ready\n");
	return 0;
}

static void __exit counter_exit(void)
{
	printk(KERN_INFO "counter: stopped at %d\n", value);
}

module_init(counter_init);
module_exit(counter_exit);
