// panic() called by a module.
#include <linux/module.h>
#include <linux/panic.h>
static noinline void give_up(int code) { panic("pn: giving up with %d", code); }
static int __init panics_in(void) { pr_info("pn: before\n"); give_up(7); return 0; }
static void __exit panics_out(void) { pr_info("pn: out\n"); }
module_init(panics_in); module_exit(panics_out);
MODULE_LICENSE("Dual MIT/GPL");
