// Warnings: the module goes on.
#include <linux/module.h>
static noinline void suspicious(int n)
{
	int r = WARN_ON(n > 3);

	pr_info("wn: WARN_ON gave %d\n", r);
	r = WARN(n > 3, "wn: %d is more than %d\n", n, 3);
	pr_info("wn: WARN gave %d\n", r);
}
static noinline void repeated(int n)
{
	int r = WARN_ON_ONCE(n);

	pr_info("wn: WARN_ON_ONCE gave %d\n", r);
	r = WARN_ONCE(n, "wn: once only\n");
	pr_info("wn: WARN_ONCE gave %d\n", r);
}
static int __init warns_in(void) { suspicious(1); suspicious(5); repeated(1); repeated(1); repeated(0); pr_info("wn: went on\n"); return 0; }
static void __exit warns_out(void) { pr_info("wn: out\n"); }
module_init(warns_in); module_exit(warns_out);
MODULE_LICENSE("Dual MIT/GPL");
