// Everything that /sys/module/X can hold.
#include <linux/module.h>
static int value = 1; module_param(value, int, 0644);
static int hidden; module_param(hidden, int, 0);
static int __initdata early[3] = { 1, 2, 3 };
static int __init moddir_in(void) { pr_info("md: in %d %d\n", early[1], value); return 0; }
static void __exit moddir_out(void) { pr_info("md: out\n"); }
module_init(moddir_in); module_exit(moddir_out);
MODULE_LICENSE("GPL"); MODULE_VERSION("2.5 beta"); MODULE_AUTHOR("A"); MODULE_DESCRIPTION("D"); MODULE_ALIAS("moddir-alias");
