// A loop without an end in init: the soft lockup detector reports it. Writing the parameter ends it.
#include <linux/module.h>
static int stop;
module_param(stop, int, 0600);
static noinline void turn(void) { while (!READ_ONCE(stop)) cpu_relax(); }
static int __init spin_in(void) { pr_info("sl: turning\n"); turn(); pr_info("sl: stopped\n"); return 0; }
static void __exit spin_out(void) { pr_info("sl: out\n"); }
module_init(spin_in); module_exit(spin_out);
MODULE_LICENSE("Dual MIT/GPL");
