// Prints at the levels 0 to 7 when told to.
#include <linux/module.h>
static int say(const char *s, const struct kernel_param *kp)
{
	int n = s[0] - '0';

	switch (n) {
	case 0: pr_emerg("cl: emerg\n"); break;
	case 3: pr_err("cl: err\n"); break;
	case 4: pr_warn("cl: warn\n"); break;
	case 6: pr_info("cl: info\n"); break;
	case 7: printk(KERN_DEBUG "cl: debug\n"); break;
	default: printk("cl: default\n");
	}
	return 0;
}
static const struct kernel_param_ops say_ops = { .set = say };
module_param_cb(say, &say_ops, NULL, 0200);
static int __init conlog_in(void) { pr_info("cl: console_loglevel %d\n", console_loglevel); return 0; }
static void __exit conlog_out(void) { }
module_init(conlog_in); module_exit(conlog_out);
MODULE_LICENSE("Dual MIT/GPL");
