// Gives a bad pointer to a function of the kernel.
#include <linux/module.h>
#include <linux/string.h>
static noinline size_t measure(const char *s) { OPTIMIZER_HIDE_VAR(s); return strlen(s) + 1; }
static int __init badarg_in(void) { pr_info("ba: %zu\n", measure("four")); pr_info("ba: never printed %zu\n", measure((char *)0x30)); return 0; }
static void __exit badarg_out(void) { pr_info("ba: out\n"); }
module_init(badarg_in); module_exit(badarg_out);
MODULE_LICENSE("Dual MIT/GPL");
