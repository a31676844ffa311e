// What insmod says for each result of init.
#include <linux/module.h>
static int result;
module_param(result, int, 0);
static int __init grump_in(void) { pr_info("gr: in %d\n", result); return result; }
static void __exit grump_out(void) { pr_info("gr: out\n"); }
module_init(grump_in);
module_exit(grump_out);
MODULE_LICENSE("Dual MIT/GPL");
