// The second one.
#include <linux/module.h>
static noinline void fall(int *p) { WRITE_ONCE(*p, 1); }
static int __init second_in(void) { fall((int *)0x70); return 0; }
static void __exit second_out(void) { }
module_init(second_in); module_exit(second_out);
MODULE_LICENSE("Dual MIT/GPL");
