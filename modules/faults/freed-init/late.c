// Calls a function of the init section after init.
#include <linux/module.h>
static int __init helper(int n) { pr_info("fi: helper %d\n", n); return n + 1; }
static int (*kept)(int n);
static noinline int call_kept(int n) { return kept(n) + 1; }
static int set_call(const char *s, const struct kernel_param *kp) { pr_info("fi: calling\n"); pr_info("fi: never printed %d\n", call_kept(1)); return 0; }
static const struct kernel_param_ops call_ops = { .set = set_call };
module_param_cb(call, &call_ops, NULL, 0200);
static int __ref late_in(void) { kept = helper; pr_info("fi: in %d\n", call_kept(5)); return 0; }
static int __init late_init(void) { return late_in(); }
static void __exit late_out(void) { }
module_init(late_init); module_exit(late_out);
MODULE_LICENSE("Dual MIT/GPL");
