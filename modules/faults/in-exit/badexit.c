// A fault in the exit function.
#include <linux/module.h>
struct far { char pad[0x28]; int field; };
static noinline void leave(struct far *f) { pr_info("fx: leaving\n"); WRITE_ONCE(f->field, 0); }
static int __init badexit_in(void) { pr_info("fx: in\n"); return 0; }
static void __exit badexit_out(void) { leave(NULL); pr_info("fx: never printed\n"); }
module_init(badexit_in); module_exit(badexit_out);
MODULE_LICENSE("Dual MIT/GPL");
