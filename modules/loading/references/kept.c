// Found by name, held by reference.
#include <linux/module.h>
int kept_answer(void);
int kept_answer(void) { return 42; }
EXPORT_SYMBOL_GPL(kept_answer);
static int hold(const char *s, const struct kernel_param *kp)
{
	if (s[0] == '+') { bool got = try_module_get(THIS_MODULE); pr_info("rf: get %d, count %d\n", got, module_refcount(THIS_MODULE)); }
	else { module_put(THIS_MODULE); pr_info("rf: put, count %d\n", module_refcount(THIS_MODULE)); }
	return 0;
}
static const struct kernel_param_ops hold_ops = { .set = hold };
module_param_cb(hold, &hold_ops, NULL, 0200);
static int __init kept_in(void) { pr_info("rf: in init count %d live %d\n", module_refcount(THIS_MODULE), module_is_live(THIS_MODULE)); return 0; }
static void __exit kept_out(void) { pr_info("rf: in exit live %d get %d\n", module_is_live(THIS_MODULE), try_module_get(THIS_MODULE)); }
module_init(kept_in); module_exit(kept_out);
MODULE_LICENSE("Dual MIT/GPL");
