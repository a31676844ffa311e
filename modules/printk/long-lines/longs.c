// Lines longer than the buffer of one record.
#include <linux/module.h>
#include <linux/string.h>
static char line[3000];
static void one(int n)
{
	int r;

	memset(line, 'a' + n % 26, n);
	line[n] = 0;
	r = printk(KERN_INFO "ll:%d:%s\n", n, line);
	pr_info("ll: returned %d\n", r);
}
static int __init longs_in(void)
{
	int i;

	one(10); one(900); one(1000); one(1017); one(1018); one(1019); one(1020); one(1024); one(1100); one(2500);
	printk(KERN_INFO "ll:cont");
	for (i = 0; i < 30; i++) { memset(line, 'A' + i % 26, 60); line[60] = 0; printk(KERN_CONT "%s", line); }
	printk(KERN_CONT "end\n");
	printk(KERN_INFO "ll:%*d:\n", 1100, 5);
	pr_info("ll: done\n");
	return 0;
}
static void __exit longs_out(void) { }
module_init(longs_in); module_exit(longs_out);
MODULE_LICENSE("Dual MIT/GPL");
