/* Uses counter.o, and tells the kernel that it is in use itself for as long as `busy` says. */
#ifndef MODULE
#define MODULE
#endif
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/init.h>

MODULE_LICENSE("GPL");

static int busy;
MODULE_PARM(busy, "i");
MODULE_PARM_DESC(busy, "whether to hold a use count: such a module cannot be removed");

extern int counter_next(void);
extern void counter_reset(void);

static int __init user_init(void)
{
	counter_reset();
	printk(KERN_INFO "user: counted %d, ", counter_next());
	printk("%d\n", counter_next());
	if (busy)
		MOD_INC_USE_COUNT;
	return 0;
}

static void __exit user_exit(void)
{
	printk(KERN_INFO "user: gone\n");
}

EXPORT_NO_SYMBOLS;
module_init(user_init);
module_exit(user_exit);
