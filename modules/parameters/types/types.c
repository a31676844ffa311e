// One parameter of every type, read and written at load and through sysfs.
#include <linux/module.h>
static unsigned char p_byte = 1; module_param(p_byte, byte, 0644);
static short p_short = 2; module_param(p_short, short, 0644);
static unsigned short p_ushort = 3; module_param(p_ushort, ushort, 0644);
static int p_int = 4; module_param(p_int, int, 0644);
static unsigned int p_uint = 5; module_param(p_uint, uint, 0644);
static long p_long = 6; module_param(p_long, long, 0644);
static unsigned long p_ulong = 7; module_param(p_ulong, ulong, 0644);
static unsigned long long p_ullong = 8; module_param(p_ullong, ullong, 0644);
static unsigned int p_hexint = 9; module_param(p_hexint, hexint, 0644);
static bool p_bool; module_param(p_bool, bool, 0644);
static bool p_invbool; module_param(p_invbool, invbool, 0644);
static bool p_enable; module_param(p_enable, bool_enable_only, 0644);
static int p_bint; module_param(p_bint, bint, 0644);
static unsigned int p_range = 10;
static int set_range(const char *val, const struct kernel_param *kp) { return param_set_uint_minmax(val, kp, 10, 0xfffffffe); }
static const struct kernel_param_ops range_ops = { .set = set_range, .get = param_get_uint };
module_param_cb(p_range, &range_ops, &p_range, 0644);
static void show(const char *when)
{
	pr_info("ty: %s %u %d %u %d %u %ld %lu %llu %x %d %d %d %d %u\n", when, p_byte, p_short, p_ushort, p_int, p_uint,
		p_long, p_ulong, p_ullong, p_hexint, p_bool, p_invbool, p_enable, p_bint, p_range);
}
static int __init types_in(void) { show("in"); return 0; }
static void __exit types_out(void) { show("out"); }
module_init(types_in); module_exit(types_out);
MODULE_LICENSE("GPL");
