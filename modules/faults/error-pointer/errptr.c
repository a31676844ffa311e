// Uses an error pointer as if it were one to an object.
#include <linux/module.h>
#include <linux/err.h>
struct thing { int id; };
static noinline struct thing *find(int id) { return id > 9 ? ERR_PTR(-ENOENT) : NULL; }
static noinline int id_of(struct thing *t) { OPTIMIZER_HIDE_VAR(t); return READ_ONCE(t->id); }
static int __init errptr_in(void) { pr_info("ep: never printed %d\n", id_of(find(10))); return 0; }
static void __exit errptr_out(void) { pr_info("ep: out\n"); }
module_init(errptr_in); module_exit(errptr_out);
MODULE_LICENSE("Dual MIT/GPL");
