// KERN_CONT, missing newlines, newlines inside, empty messages.
#include <linux/module.h>
static int __init joins_in(void)
{
	int i;

	pr_info("jn: list:");
	for (i = 0; i < 4; i++) pr_cont(" %d", i);
	pr_cont("\n");
	pr_info("jn: no newline");
	pr_info("jn: comes on a line of its own\n");
	pr_warn("jn: warn, "); printk(KERN_CONT "continued, "); printk(KERN_CONT "ended\n");
	printk(KERN_CONT "jn: continues a line that ended\n");
	pr_info("jn: first\njn: second\njn: third\n");
	pr_info("jn: two newlines\n\n");
	pr_info("\njn: newline first\n");
	printk(KERN_INFO "\n");
	printk("%s", "");
	pr_info("jn: before"); pr_err("jn: other level\n"); pr_cont("jn: after that\n");
	pr_info("jn: one "); printk(KERN_CONT KERN_ERR "two "); pr_cont("three\n");
	pr_info("jn: cr\rtab\tbell\abackslash\\ del\x7f high\xc3\xa9\n");
	pr_info("jn: last, without newline");
	return 0;
}
static void __exit joins_out(void) { pr_cont(" (continued by exit)\n"); pr_info("jn: out\n"); }
module_init(joins_in); module_exit(joins_out);
MODULE_LICENSE("Dual MIT/GPL");
