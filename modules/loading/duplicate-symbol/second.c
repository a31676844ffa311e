// Exports a name that the other module exports too, with the kernel's own names in use as well.
#include <linux/module.h>
int both_have(void);
int both_have(void) { return 1; }
EXPORT_SYMBOL_GPL(both_have);
static int __init second_in(void) { pr_info("du: second\n"); return 0; }
static void __exit second_out(void) { }
module_init(second_in); module_exit(second_out);
MODULE_LICENSE("Dual MIT/GPL");
