// A breakpoint instruction that nobody set.
#include <linux/module.h>
static noinline void stop(void) { asm volatile("int3"); }
static int __init breakpoint_in(void) { pr_info("i3: about to\n"); stop(); pr_info("i3: never printed\n"); return 0; }
static void __exit breakpoint_out(void) { pr_info("i3: out\n"); }
module_init(breakpoint_in); module_exit(breakpoint_out);
MODULE_LICENSE("Dual MIT/GPL");
