// Parameters of the standard types.
#include <linux/module.h>
static int number = 1; module_param(number, int, 0644); MODULE_PARM_DESC(number, "a number");
static unsigned int positive = 2; module_param(positive, uint, 0644);
static long wide = 3; module_param(wide, long, 0644);
static unsigned long mask = 4; module_param_named(bits, mask, ulong, 0644);
static unsigned char small = 5; module_param(small, byte, 0644);
static short brief = 6; module_param(brief, short, 0644);
static unsigned short ubrief = 7; module_param(ubrief, ushort, 0644);
static unsigned long long huge = 8; module_param(huge, ullong, 0644);
static unsigned int colour = 0xff; module_param(colour, hexint, 0644);
static bool yes = true; module_param(yes, bool, 0644);
static bool flipped; module_param(flipped, invbool, 0644);
static bool only_on; module_param(only_on, bool_enable_only, 0644);
static char *name = "nobody"; module_param(name, charp, 0644);
static char word[8] = "short"; module_param_string(word, word, sizeof(word), 0644);
static int list[4] = { 1, 2, 3, 4 }, count; module_param_array(list, int, &count, 0644);
static char *names[3]; module_param_array(names, charp, NULL, 0444);
static int hidden = 9; module_param(hidden, int, 0);
static int readonly = 10; module_param(readonly, int, 0444);
static int secret = 11; module_param(secret, int, 0400);
static int risky; module_param_unsafe(risky, int, 0644);
static int dashed_name = 12; module_param(dashed_name, int, 0644);
static void show(const char *when)
{
	pr_info("pm: %s: %d %u %ld %lx %u %d %u %llu %x %d %d %d\n", when, number, positive, wide, mask, small, brief, ubrief, huge, colour, yes, flipped, only_on);
	pr_info("pm: %s %s %d,%d,%d,%d (%d) %s %s %s hidden %d risky %d dashed %d\n", name, word, list[0], list[1], list[2], list[3], count, names[0], names[1], names[2], hidden, risky, dashed_name);
}
static int __init params_in(void) { show("in"); return 0; }
static void __exit params_out(void) { show("out"); }
module_init(params_in); module_exit(params_out);
MODULE_LICENSE("Dual MIT/GPL");
