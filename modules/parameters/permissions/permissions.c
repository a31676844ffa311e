// Files of parameters with every sensible mode.
#include <linux/module.h>
static int v[16];
#define P(n, mode) module_param_named(p##mode, v[n], int, mode)
P(0, 0); P(1, 0400); P(2, 0200); P(3, 0600); P(4, 0444); P(5, 0644); P(6, 0440); P(7, 0640); P(8, 0660); P(9, 0664); P(10, 0220);
static int __init permissions_in(void) { pr_info("pe: in %d %d\n", v[0], v[5]); return 0; }
static void __exit permissions_out(void) { pr_info("pe: out %d %d %d\n", v[0], v[2], v[5]); }
module_init(permissions_in); module_exit(permissions_out);
MODULE_LICENSE("GPL");
