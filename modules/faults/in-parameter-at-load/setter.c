// A fault in the set callback of a parameter while insmod gives it.
#include <linux/module.h>
static int set_level(const char *s, const struct kernel_param *kp)
{
	int *where = s[0] == '0' ? NULL : kp->arg;

	pr_info("ps: setting\n");
	OPTIMIZER_HIDE_VAR(where);
	WRITE_ONCE(*where, s[0] - '0');
	return 0;
}
static int get_level(char *s, const struct kernel_param *kp) { return sprintf(s, "%d\n", *(int *)kp->arg); }
static const struct kernel_param_ops level_ops = { .set = set_level, .get = get_level };
static int level = 1;
module_param_cb(level, &level_ops, &level, 0600);
static int __init setter_in(void) { pr_info("ps: in, level %d\n", level); return 0; }
static void __exit setter_out(void) { pr_info("ps: out\n"); }
module_init(setter_in); module_exit(setter_out);
MODULE_LICENSE("Dual MIT/GPL");
