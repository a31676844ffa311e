// Three messages.
#include <linux/module.h>
static int __init three_in(void) { pr_err("dm: one\n"); pr_info("dm: two\n"); pr_warn("dm: three\n"); return 0; }
static void __exit three_out(void) { pr_info("dm: out\n"); }
module_init(three_in); module_exit(three_out);
MODULE_LICENSE("Dual MIT/GPL");
