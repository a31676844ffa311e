// Weak references: one that nobody defines, one that lender defines.
#include <linux/module.h>
extern int nobody_has_this(int n) __weak;
extern int nobody_has_data __weak;
static int __init borrower_in(void) { pr_info("wk: function %s data %s\n", nobody_has_this ? "there" : "missing", &nobody_has_data ? "there" : "missing"); return 0; }
static void __exit borrower_out(void) { }
module_init(borrower_in); module_exit(borrower_out);
MODULE_LICENSE("Dual MIT/GPL");
