// Owns a static key that another module's code tests.
#include <linux/module.h>
#include <linux/jump_label.h>
DEFINE_STATIC_KEY_FALSE(sluice_open);
EXPORT_SYMBOL_GPL(sluice_open);
static int set(const char *s, const struct kernel_param *kp) { if (s[0] == '1') static_branch_enable(&sluice_open); else static_branch_disable(&sluice_open); return 0; }
static const struct kernel_param_ops set_ops = { .set = set };
module_param_cb(open, &set_ops, NULL, 0200);
static int __init sluice_in(void) { return 0; }
static void __exit sluice_out(void) { }
module_init(sluice_in); module_exit(sluice_out);
MODULE_LICENSE("Dual MIT/GPL");
