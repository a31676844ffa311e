// Shows what reaches a setter, byte for byte.
#include <linux/module.h>
static int set(const char *val, const struct kernel_param *kp)
{
	if (!val)
		pr_info("qu: %s without\n", kp->name);
	else if (strlen(val) > 200)
		pr_info("qu: %s %zu bytes\n", kp->name, strlen(val));
	else
		pr_info("qu: %s %zu <%*pE>\n", kp->name, strlen(val), (int)strlen(val), val);
	return 0;
}
static const struct kernel_param_ops ops = { .flags = KERNEL_PARAM_OPS_FL_NOARG, .set = set };
module_param_cb(a, &ops, NULL, 0200);
module_param_cb(b_c, &ops, NULL, 0200);
module_param_cb(d, &ops, NULL, 0200);
static int __init quoting_in(void) { pr_info("qu: in\n"); return 0; }
static void __exit quoting_out(void) { }
module_init(quoting_in); module_exit(quoting_out);
MODULE_LICENSE("GPL");
