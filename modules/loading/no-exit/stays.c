// No exit function.
#include <linux/module.h>
static int __init stays_in(void) { pr_info("ne: in\n"); return 0; }
module_init(stays_in);
MODULE_LICENSE("Dual MIT/GPL");
