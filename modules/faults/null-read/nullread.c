// Reads through a NULL pointer to a structure.
#include <linux/module.h>
struct reading { char pad[0x10]; int value; };
static noinline int peek(struct reading *r) { pr_info("nr: about to read\n"); return READ_ONCE(r->value); }
static int __init nullread_in(void) { pr_info("nr: never printed %d\n", peek(NULL)); return 0; }
static void __exit nullread_out(void) { pr_info("nr: out\n"); }
module_init(nullread_in); module_exit(nullread_out);
MODULE_LICENSE("Dual MIT/GPL");
