// printk's formats: strings.
#include <linux/module.h>
static char unterminated[4] = { 'a', 'b', 'c', 'd' };
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fstrs_in(void)
{
	P("[%s] [%10s] [%-10s] [%.2s] [%10.2s] [%-10.2s]", "str", "str", "str", "str", "str", "str");
	P("[%s] [%.*s] [%.*s] [%*s] [%*s]", "", 3, "abcdef", -1, "abc", 6, "abc", -6, "abc");
	P("[%s] [%10s] [%.3s]", (char *)NULL, (char *)NULL, (char *)NULL);
	P("[%.4s] [%.0s] [%.s]", unterminated, unterminated, "gone");
	P("[%s] [%s] [%s] [%s]", (char *)1, (char *)4095, (char *)ERR_PTR(-ENOENT), (char *)ERR_PTR(-4095));
	P("[%12s] [%-12s] [%.3s]", (char *)1, (char *)1, (char *)1);
	P("[%05s] [%+s]", "abc", "abc");
	P("%s%s%s%s%s%s%s%s", "a", "b", "c", "d", "e", "f", "g", "h");
	P("[%s]", "caf\xc3\xa9");
	return 0;
}
static void __exit fstrs_out(void) { }
module_init(fstrs_in); module_exit(fstrs_out);
MODULE_LICENSE("Dual MIT/GPL");
