// Recursion without an end: the guard page below the stack is hit.
#include <linux/module.h>
static noinline int deeper(volatile char *above)
{
	volatile char room[256];

	room[0] = above[0] + 1;
	return deeper(room) + room[0];
}
static int __init deep_in(void) { char c = 0; pr_info("so: never printed %d\n", deeper(&c)); return 0; }
static void __exit deep_out(void) { pr_info("so: out\n"); }
module_init(deep_in); module_exit(deep_out);
MODULE_LICENSE("Dual MIT/GPL");
