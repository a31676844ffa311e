// Calls lower, with a bad pointer the second time.
#include <linux/module.h>
int lower_store(int *where, int value);
static noinline int middle(int *p) { return lower_store(p, 4) + 1; }
static int __init upper_in(void)
{
	int n = 0;

	pr_info("tm: %d\n", middle(&n));
	pr_info("tm: never printed %d\n", middle((int *)0x20));
	return 0;
}
static void __exit upper_out(void) { }
module_init(upper_in); module_exit(upper_out);
MODULE_LICENSE("Dual MIT/GPL");
