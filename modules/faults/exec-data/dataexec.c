// Jumps into data.
#include <linux/module.h>
static unsigned char blob[16] = { 0xb8, 42, 0, 0, 0, 0xc3 };
static noinline int jump(void *p) { int (*f)(void) = p; OPTIMIZER_HIDE_VAR(f); return f() + 1; }
static int __init dataexec_in(void) { pr_info("dx: never printed %d\n", jump(blob)); return 0; }
static void __exit dataexec_out(void) { pr_info("dx: out\n"); }
module_init(dataexec_in); module_exit(dataexec_out);
MODULE_LICENSE("Dual MIT/GPL");
