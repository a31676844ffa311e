// Tests a static key of another module.
#include <linux/module.h>
#include <linux/jump_label.h>
DECLARE_STATIC_KEY_FALSE(sluice_open);
static noinline int flows(void) { if (static_branch_unlikely(&sluice_open)) return 1; return 0; }
static int look(char *s, const struct kernel_param *kp) { return sprintf(s, "%d\n", flows()); }
static const struct kernel_param_ops look_ops = { .get = look };
module_param_cb(look, &look_ops, NULL, 0400);
static int __init water_in(void) { pr_info("sw: flows %d\n", flows()); return 0; }
static void __exit water_out(void) { }
module_init(water_in); module_exit(water_out);
MODULE_LICENSE("Dual MIT/GPL");
