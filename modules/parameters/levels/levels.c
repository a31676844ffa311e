// Parameters of every level: a module gets them all at once, in the order of the string.
#include <linux/module.h>
static int set(const char *val, const struct kernel_param *kp) { pr_info("lv: %s level %d perm %o '%s'\n", kp->name, kp->level, kp->perm, val); return 0; }
static int get(char *buffer, const struct kernel_param *kp) { return sprintf(buffer, "level %d\n", kp->level); }
static const struct kernel_param_ops ops = { .set = set, .get = get };
late_param_cb(late, &ops, NULL, 0644);
core_param_cb(core, &ops, NULL, 0644);
postcore_param_cb(postcore, &ops, NULL, 0644);
arch_param_cb(arch, &ops, NULL, 0644);
subsys_param_cb(subsys, &ops, NULL, 0644);
fs_param_cb(fs, &ops, NULL, 0644);
device_param_cb(device, &ops, NULL, 0644);
module_param_cb(plain, &ops, NULL, 0644);
__module_param_call(MODULE_PARAM_PREFIX, low, &ops, NULL, 0444, -100, 0);
__module_param_call(MODULE_PARAM_PREFIX, twice, &ops, NULL, 0400, 3, 0);
static int __init levels_in(void) { pr_info("lv: in\n"); return 0; }
static void __exit levels_out(void) { }
module_init(levels_in); module_exit(levels_out);
MODULE_LICENSE("GPL");
