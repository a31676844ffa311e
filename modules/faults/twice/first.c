// Two oopses, one after the other: the count and the taint in the second report.
#include <linux/module.h>
static noinline void fall(int *p) { WRITE_ONCE(*p, 1); }
static int __init first_in(void) { fall((int *)0x60); return 0; }
static void __exit first_out(void) { }
module_init(first_in); module_exit(first_out);
MODULE_LICENSE("Dual MIT/GPL");
