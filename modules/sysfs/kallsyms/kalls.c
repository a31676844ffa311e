// Symbols of every kind.
#include <linux/module.h>
int kl_data = 1; static int kl_static_data = 2; int kl_bss; static int kl_static_bss; const int kl_const = 3; static int __initdata kl_init_data = 4; static int kl_late __ro_after_init = 5;
int kl_exported(void); int kl_exported(void) { return kl_data + kl_static_data + kl_bss + kl_static_bss + kl_late + kl_const; } EXPORT_SYMBOL(kl_exported);
int kl_gpl(void); int kl_gpl(void) { return 1; } EXPORT_SYMBOL_GPL(kl_gpl);
EXPORT_SYMBOL_GPL(kl_data); EXPORT_SYMBOL(kl_bss);
int __weak kl_weak(void); int __weak kl_weak(void) { return 2; }
int kl_weak_data __weak = 6;
static noinline int kl_local(int n) { static int kl_counter; return kl_counter += n; }
static DEFINE_PER_CPU(int, kl_percpu);
static int __init kl_in(void) { pr_info("kl: %d %d %d %d\n", kl_exported(), kl_weak() + kl_weak_data, kl_local(kl_init_data), this_cpu_read(kl_percpu)); return 0; }
static void __exit kl_out(void) { pr_info("kl: out %d\n", kl_local(1)); }
module_init(kl_in); module_exit(kl_out);
MODULE_LICENSE("GPL");
