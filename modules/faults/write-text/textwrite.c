// Writes to its own code.
#include <linux/module.h>
static noinline int answer(void) { barrier(); return 42; }
static noinline void patch(void *p) { char *q = p; OPTIMIZER_HIDE_VAR(q); WRITE_ONCE(*q, 0x90); }
static int __init textwrite_in(void) { pr_info("tw: answer %d\n", answer()); patch(answer); pr_info("tw: never printed\n"); return 0; }
static void __exit textwrite_out(void) { pr_info("tw: out\n"); }
module_init(textwrite_in); module_exit(textwrite_out);
MODULE_LICENSE("Dual MIT/GPL");
