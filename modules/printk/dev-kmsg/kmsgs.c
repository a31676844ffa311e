// A message at each step, read and written through /dev/kmsg.
#include <linux/module.h>
static int say(const char *s, const struct kernel_param *kp) { pr_info("km: kernel says %s\n", s); return 0; }
static const struct kernel_param_ops say_ops = { .set = say };
module_param_cb(say, &say_ops, NULL, 0200);
static int __init kmsgs_in(void) { return 0; }
static void __exit kmsgs_out(void) { }
module_init(kmsgs_in); module_exit(kmsgs_out);
MODULE_LICENSE("Dual MIT/GPL");
