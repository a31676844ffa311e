// Divides by zero.
#include <linux/module.h>
static noinline int share(int all, int heads) { OPTIMIZER_HIDE_VAR(heads); return all / heads; }
static int __init divide_in(void) { pr_info("dz: %d\n", share(12, 4)); pr_info("dz: never printed %d\n", share(12, 0)); return 0; }
static void __exit divide_out(void) { pr_info("dz: out\n"); }
module_init(divide_in); module_exit(divide_out);
MODULE_LICENSE("Dual MIT/GPL");
