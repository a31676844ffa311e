/* A first module, as books on Linux 2.4 begin: lkm run --personality 2.4 hello.c */
#ifndef MODULE
#define MODULE
#endif
#include <linux/module.h>
#include <linux/kernel.h>

MODULE_LICENSE("GPL");
EXPORT_NO_SYMBOLS;

int init_module(void)
{
	printk("<1>Hello, world\n");
	return 0;
}

void cleanup_module(void)
{
	printk("<1>Goodbye, cruel world\n");
}
