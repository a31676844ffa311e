// printk's formats: %pV.
#include <linux/module.h>
static __printf(2, 3) void inner(int depth, const char *f, ...)
{
	struct va_format v;
	va_list ap;

	va_start(ap, f);
	v.fmt = f;
	v.va = &ap;
	if (depth) inner(depth - 1, "<%d %pV>", depth, &v);
	else pr_info("fm: {%pV} again {%pV}\n", &v, &v);
	va_end(ap);
}
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fva_in(void)
{
	inner(0, "plain");
	inner(0, "%d and %s", 12, "words");
	inner(0, "%d %d %d %d %d %d %d %s %lld", 1, 2, 3, 4, 5, 6, 7, "eight", 9LL);
	inner(3, "%s", "deep");
	P("null [%pV]", NULL);
	return 0;
}
static void __exit fva_out(void) { }
module_init(fva_in); module_exit(fva_out);
MODULE_LICENSE("Dual MIT/GPL");
