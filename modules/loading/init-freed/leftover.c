// What is left of init after init.
#include <linux/module.h>
static int __initdata used = 3;
static int __init gone(int n) { return n + used; }
static noinline int kept(int n) { return n * 2; }
static char note[] __section(".init.data") = "init";
static int __init leftover_in(void) { pr_info("lo: %d %d %s\n", gone(1), kept(2), note); return 0; }
static void __exit leftover_out(void) { pr_info("lo: out %d\n", kept(4)); }
module_init(leftover_in); module_exit(leftover_out);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("1.5");
