// Exports a function that faults when it is told to.
#include <linux/module.h>
int lower_store(int *where, int value);
int lower_store(int *where, int value) { pr_info("tm: storing\n"); OPTIMIZER_HIDE_VAR(where); WRITE_ONCE(*where, value); return value; }
EXPORT_SYMBOL_GPL(lower_store);
static int __init lower_in(void) { return 0; }
static void __exit lower_out(void) { }
module_init(lower_in); module_exit(lower_out);
MODULE_LICENSE("Dual MIT/GPL");
