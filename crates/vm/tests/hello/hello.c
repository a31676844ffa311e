// Says hello and goodbye.
#include <linux/module.h>
static char *whom = "world";
module_param(whom, charp, 0444);
static int __init hello_in(void) { pr_info("hello: hello, %s\n", whom); return 0; }
static void __exit hello_out(void) { pr_info("hello: goodbye\n"); }
module_init(hello_in); module_exit(hello_out);
MODULE_LICENSE("Dual MIT/GPL");
