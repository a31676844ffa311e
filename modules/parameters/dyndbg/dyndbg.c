// The parameters that every module has.
#include <linux/module.h>
#include <linux/async.h>
static int p; module_param(p, int, 0644);
static noinline void first(void) { pr_debug("dy: first\n"); }
static noinline void second(void) { pr_debug("dy: second %d\n", p); }
static int set(const char *val, const struct kernel_param *kp) { first(); second(); return 0; }
static const struct kernel_param_ops ops = { .set = set };
module_param_cb(go, &ops, NULL, 0200);
static int __init dyndbg_in(void) { pr_info("dy: in, async %d\n", THIS_MODULE->async_probe_requested); first(); second(); return 0; }
static void __exit dyndbg_out(void) { pr_debug("dy: out\n"); }
module_init(dyndbg_in); module_exit(dyndbg_out);
MODULE_LICENSE("GPL");
