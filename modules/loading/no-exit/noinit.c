// An exit function and no init.
#include <linux/module.h>
static void __exit noinit_out(void) { pr_info("ne: exit without init\n"); }
module_exit(noinit_out);
MODULE_LICENSE("Dual MIT/GPL");
