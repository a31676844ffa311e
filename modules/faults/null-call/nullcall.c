// Calls through a NULL function pointer, as with an operation that is not set.
#include <linux/module.h>
struct operations { int (*start)(int n); };
static struct operations ops;
static noinline int start(struct operations *o) { int r; OPTIMIZER_HIDE_VAR(o); r = o->start(3); return r + 1; }
static int __init nullcall_in(void) { pr_info("nc: never printed %d\n", start(&ops)); return 0; }
static void __exit nullcall_out(void) { pr_info("nc: out\n"); }
module_init(nullcall_in); module_exit(nullcall_out);
MODULE_LICENSE("Dual MIT/GPL");
