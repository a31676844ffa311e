// Messages to the trace: what the kernel says of a module that has them, and how they look.
#include <linux/module.h>
#include <linux/kernel.h>

static char word[] = "word";

static noinline void inner(void)
{
	trace_printk("inner %s %d %5.3s| %pS\n", word, -7, "abcdef", inner);
}

static int __init lktrp_init(void)
{
	trace_printk("a constant\n");
	trace_printk("number %d\n", 5);
	inner();
	trace_puts("put\n");
	trace_puts(word);
	trace_printk("two\nlines\n");
	pr_info("tp: done\n");
	return 0;
}

static void __exit lktrp_exit(void)
{
	trace_printk("the end\n");
}
module_init(lktrp_init);
module_exit(lktrp_exit);
MODULE_LICENSE("Dual MIT/GPL");
