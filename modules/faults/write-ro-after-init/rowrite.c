// Writes to a variable that is read-only after init.
#include <linux/module.h>
static int wanted __ro_after_init = 1;
static int set_wanted(const char *s, const struct kernel_param *kp) { pr_info("ra: setting\n"); WRITE_ONCE(wanted, 7); pr_info("ra: set\n"); return 0; }
static int get_wanted(char *s, const struct kernel_param *kp) { return sprintf(s, "%d\n", wanted); }
static const struct kernel_param_ops wanted_ops = { .set = set_wanted, .get = get_wanted };
module_param_cb(wanted, &wanted_ops, NULL, 0600);
static int __init rowrite_in(void) { pr_info("ra: wanted %d\n", wanted); WRITE_ONCE(wanted, 3); pr_info("ra: wanted %d\n", wanted); return 0; }
static void __exit rowrite_out(void) { pr_info("ra: out\n"); }
module_init(rowrite_in); module_exit(rowrite_out);
MODULE_LICENSE("Dual MIT/GPL");
