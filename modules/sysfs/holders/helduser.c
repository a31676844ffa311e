#include <linux/module.h>
extern int held_number(int n); int held_more(int n); int held_more(int n) { return held_number(n) + 1; } EXPORT_SYMBOL_GPL(held_more);
static int __init u_in(void) { pr_info("ho: user %d\n", held_more(1)); return 0; }
static void __exit u_out(void) { }
module_init(u_in); module_exit(u_out);
MODULE_LICENSE("GPL");
