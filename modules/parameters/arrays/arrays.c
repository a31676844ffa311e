// Arrays of every kind of element.
#include <linux/module.h>
#define A(name, ctype, type, n) static ctype name[n]; static int num_##name; module_param_array(name, type, &num_##name, 0644)
A(bytes, unsigned char, byte, 3); A(shorts, short, short, 3); A(ushorts, unsigned short, ushort, 3); A(ints, int, int, 3); A(uints, unsigned int, uint, 3);
A(longs, long, long, 3); A(ulongs, unsigned long, ulong, 3); A(huge, unsigned long long, ullong, 3); A(hexes, unsigned int, hexint, 3);
A(bools, bool, bool, 3); A(invbools, bool, invbool, 3); A(bints, int, bint, 3); A(words, char *, charp, 3); A(one, int, int, 1);
static int plain[2] = { 7, 8 }; module_param_array(plain, int, NULL, 0644);
static char *fixed[2] = { "left", "right" }; module_param_array(fixed, charp, NULL, 0644);
static int inner[4] = { 1, 2, 3, 4 }; static unsigned int used = 2; module_param_array_named(outer, inner, int, &used, 0444);
static int many[600]; static int num_many; module_param_array(many, int, &num_many, 0644);
static int elem_set(const char *val, const struct kernel_param *kp) { pr_info("ar: elem %s '%s'\n", kp->name, val); *(int *)kp->arg = strlen(val); return *val == '!' ? -EBUSY : *val == '+' ? 5 : 0; }
static int elem_get(char *buffer, const struct kernel_param *kp) { return *(int *)kp->arg == 9 ? -EAGAIN : sprintf(buffer, "<%d>\n", *(int *)kp->arg); }
static void elem_free(void *arg) { pr_info("ar: free %d\n", *(int *)arg); }
static const struct kernel_param_ops param_ops_mine = { .set = elem_set, .get = elem_get, .free = elem_free };
#define param_check_mine(name, p) __param_check(name, p, int)
static int mine[3]; static int num_mine; module_param_array(mine, mine, &num_mine, 0644);
static int __init arrays_in(void)
{
	pr_info("ar: in %d %d %d (%d) plain %d %d words %s %s %s (%d) inner %d %d %d %d (%u)\n", ints[0], ints[1], ints[2], num_ints, plain[0], plain[1],
		words[0], words[1], words[2], num_words, inner[0], inner[1], inner[2], inner[3], used);
	return 0;
}
static void __exit arrays_out(void) { pr_info("ar: out\n"); }
module_init(arrays_in); module_exit(arrays_out);
MODULE_LICENSE("GPL");
