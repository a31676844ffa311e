// Messages for syslog(2).
#include <linux/module.h>
static int say(const char *s, const struct kernel_param *kp) { pr_info("sy: %s\n", s); return 0; }
static const struct kernel_param_ops say_ops = { .set = say };
module_param_cb(say, &say_ops, NULL, 0200);
static int __init syslogs_in(void) { pr_err("sy: in\n"); return 0; }
static void __exit syslogs_out(void) { }
module_init(syslogs_in); module_exit(syslogs_out);
MODULE_LICENSE("Dual MIT/GPL");
