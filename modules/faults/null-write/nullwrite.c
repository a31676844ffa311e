// Writes a byte through a NULL pointer.
#include <linux/module.h>
static noinline void poke(char *p) { OPTIMIZER_HIDE_VAR(p); WRITE_ONCE(*p, 1); }
static int __init nullwrite_in(void) { poke(NULL); pr_info("nw: never printed\n"); return 0; }
static void __exit nullwrite_out(void) { pr_info("nw: out\n"); }
module_init(nullwrite_in); module_exit(nullwrite_out);
MODULE_LICENSE("Dual MIT/GPL");
