/* Parameters of every kind: insmod writes them into the module before the kernel sees it. */
#ifndef MODULE
#define MODULE
#endif
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/init.h>

MODULE_LICENSE("GPL");

static int irq = 7;
static short ports[4] = { 1, 2, 3, 4 };
static unsigned char level = 1;
static long big = -1;
static char *name = "nobody";
static char label[12] = "none";

MODULE_PARM(irq, "i");
MODULE_PARM(ports, "1-4h");
MODULE_PARM(level, "b");
MODULE_PARM(big, "l");
MODULE_PARM(name, "s");
MODULE_PARM(label, "c12");

static int __init params_init(void)
{
	printk(KERN_INFO "params: irq %d ports %d %d %d %d level %d big %ld name %s label %s\n",
	       irq, ports[0], ports[1], ports[2], ports[3], level, big, name, label);
	return 0;
}

static void __exit params_exit(void)
{
}

EXPORT_NO_SYMBOLS;
module_init(params_init);
module_exit(params_exit);
