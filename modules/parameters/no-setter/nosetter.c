// A parameter without a set operation, set at load.
#include <linux/module.h>
static int v; static const struct kernel_param_ops ops = { .get = param_get_int };
module_param_cb(nothing, &ops, &v, 0644);
static int __init nosetter_in(void) { pr_info("ns: in\n"); return 0; }
static void __exit nosetter_out(void) { }
module_init(nosetter_in); module_exit(nosetter_out);
MODULE_LICENSE("GPL");
