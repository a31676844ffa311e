// init gives what the parameter says.
#include <linux/module.h>
static int result;
module_param(result, int, 0);
static int __init results_in(void) { pr_info("rs: giving %d\n", result); return result; }
static void __exit results_out(void) { pr_info("rs: out\n"); }
module_init(results_in); module_exit(results_out);
MODULE_LICENSE("Dual MIT/GPL");
