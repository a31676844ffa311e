// An instruction that does not exist, and that no bug table names.
#include <linux/module.h>
static noinline void strange(void) { asm volatile(".byte 0x0f, 0x0b"); }
static int __init opcode_in(void) { pr_info("ud: about to\n"); strange(); pr_info("ud: never printed\n"); return 0; }
static void __exit opcode_out(void) { pr_info("ud: out\n"); }
module_init(opcode_in); module_exit(opcode_out);
MODULE_LICENSE("Dual MIT/GPL");
