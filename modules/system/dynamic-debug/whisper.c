// pr_debug call sites, switched on by parameter and by control file.
#define pr_fmt(fmt) "wh: " fmt
#include <linux/module.h>
#include <linux/dynamic_debug.h>

static int say(const char *val, const struct kernel_param *kp)
{
	pr_debug("softly %s\n", val);
	pr_devel("never\n");
	if (val && val[0] == 'b')
		pr_debug("and b\n");
	print_hex_dump_debug("wh: hex ", DUMP_PREFIX_OFFSET, 16, 1, "abc", 3, true);
	return 0;
}
static const struct kernel_param_ops ops = { .set = say };
module_param_cb(say, &ops, NULL, 0200);

static int __init whisper_in(void)
{
	pr_debug("in\n");
	return 0;
}

static void __exit whisper_out(void)
{
	pr_debug("out\n");
}

module_init(whisper_in);
module_exit(whisper_out);
MODULE_LICENSE("Dual MIT/GPL");
