// Follows a pointer that is not canonical.
#include <linux/module.h>
static noinline int follow(int *p) { OPTIMIZER_HIDE_VAR(p); return READ_ONCE(*p); }
static int __init noncanon_in(void) { pr_info("gp: never printed %d\n", follow((int *)0x8000dead00000010UL)); return 0; }
static void __exit noncanon_out(void) { pr_info("gp: out\n"); }
module_init(noncanon_in); module_exit(noncanon_out);
MODULE_LICENSE("Dual MIT/GPL");
