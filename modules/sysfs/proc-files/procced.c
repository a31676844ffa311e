// A line in /proc/modules.
#include <linux/module.h>
static int __init procced_in(void) { pr_info("pf: in\n"); return 0; }
static void __exit procced_out(void) { }
module_init(procced_in); module_exit(procced_out);
MODULE_LICENSE("GPL");
