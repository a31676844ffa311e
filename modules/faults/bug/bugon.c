// BUG_ON() with a true condition.
#include <linux/module.h>
static noinline void check(int n) { BUG_ON(n > 3); pr_info("bg: %d is fine\n", n); }
static int __init bugon_in(void) { check(3); check(4); pr_info("bg: never printed\n"); return 0; }
static void __exit bugon_out(void) { pr_info("bg: out\n"); }
module_init(bugon_in); module_exit(bugon_out);
MODULE_LICENSE("Dual MIT/GPL");
