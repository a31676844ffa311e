// Writes to constant data.
#include <linux/module.h>
static const int limits[4] = { 1, 2, 3, 4 };
static noinline void change(const int *p) { int *q = (int *)p; OPTIMIZER_HIDE_VAR(q); WRITE_ONCE(*q, 9); }
static int __init constwrite_in(void) { pr_info("cw: limit %d\n", READ_ONCE(limits[1])); change(&limits[1]); pr_info("cw: never printed %d\n", READ_ONCE(limits[1])); return 0; }
static void __exit constwrite_out(void) { pr_info("cw: out\n"); }
module_init(constwrite_in); module_exit(constwrite_out);
MODULE_LICENSE("Dual MIT/GPL");
