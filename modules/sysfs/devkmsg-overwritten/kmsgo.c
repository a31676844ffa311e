// Fills the log.
#include <linux/module.h>
static int fill(const char *val, const struct kernel_param *kp) { int n, i; if (kstrtoint(val, 0, &n)) return -EINVAL; for (i = 0; i < n; i++) pr_info("ko: %d %*s\n", i, 200, "end"); return 0; }
static const struct kernel_param_ops ops = { .set = fill };
module_param_cb(fill, &ops, NULL, 0200);
static int __init kmsgo_in(void) { return 0; }
static void __exit kmsgo_out(void) { }
module_init(kmsgo_in); module_exit(kmsgo_out);
MODULE_LICENSE("GPL");
