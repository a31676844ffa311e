// Loaded after a fault, to see that the kernel goes on.
#include <linux/module.h>
static int __init alive_in(void) { pr_info("alive: in\n"); return 0; }
static void __exit alive_out(void) { pr_info("alive: out\n"); }
module_init(alive_in); module_exit(alive_out);
MODULE_LICENSE("Dual MIT/GPL");
