// printk's formats: conversions that do not exist.
#include <linux/module.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fbad_in(void)
{
	static const char cut[] = "cut %";
	char s[40];
	memset(s, 0, sizeof(s));
	P("after an unknown one [%d] stops [%y] [%d]", 1, 2, 3);
	P("lone %");
	P("empty width [%-d] flags [%-+ #0d]", 5, 5);
	P("returned %d [%s]", snprintf(s, sizeof(s), cut), s);
	P("n is refused");
	P("returned %d [%s]", snprintf(s, 5, "%s", "longer"), s);
	P("returned %d", scnprintf(s, 5, "%s", "longer"));
	P("returned %d", scnprintf(s, 0, "%s", "longer"));
	P("sprintf %d [%s]", sprintf(s, "%d-%s", 5, "x"), s);
	P("float [%d] [%f] [%d]", 1, 2, 3);
	return 0;
}
static void __exit fbad_out(void) { }
module_init(fbad_in); module_exit(fbad_out);
MODULE_LICENSE("Dual MIT/GPL");
