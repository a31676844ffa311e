// Jump labels in a module's own code, toggled in init, by parameter and in exit.
#include <linux/module.h>
#include <linux/jump_label.h>
static DEFINE_STATIC_KEY_FALSE(off_key);
static DEFINE_STATIC_KEY_TRUE(on_key);
static DEFINE_STATIC_KEY_FALSE(counted);
static DEFINE_STATIC_KEY_ARRAY_FALSE(array, 2);
static noinline int site(int n)
{
	int r = n;

	if (static_branch_unlikely(&off_key)) r += 10;
	if (static_branch_likely(&off_key)) r += 100;
	if (static_branch_unlikely(&on_key)) r += 1000;
	if (static_branch_likely(&on_key)) r += 10000;
	if (static_branch_unlikely(&counted)) r += 100000;
	if (static_branch_unlikely(&array[1])) r += 1000000;
	return r;
}
static void __init in_init_text(void) { if (static_branch_unlikely(&off_key)) pr_info("jl: init text: on\n"); else pr_info("jl: init text: off\n"); }
static int toggle(const char *s, const struct kernel_param *kp)
{
	if (s[0] == '1') static_branch_enable(&off_key); else static_branch_disable(&off_key);
	pr_info("jl: after %c: %d\n", s[0], site(1));
	return 0;
}
static const struct kernel_param_ops toggle_ops = { .set = toggle };
module_param_cb(toggle, &toggle_ops, NULL, 0200);
static int __init branches_in(void)
{
	pr_info("jl: at first %d\n", site(1));
	in_init_text();
	static_branch_enable(&off_key); pr_info("jl: off enabled %d\n", site(1));
	static_branch_enable(&off_key); pr_info("jl: twice %d\n", site(1));
	in_init_text();
	static_branch_disable(&on_key); pr_info("jl: on disabled %d\n", site(1));
	static_branch_disable(&off_key); static_branch_enable(&on_key); pr_info("jl: back %d\n", site(1));
	static_branch_inc(&counted); static_branch_inc(&counted); pr_info("jl: counted twice %d\n", site(1));
	static_branch_dec(&counted); pr_info("jl: once %d count %d\n", site(1), static_key_count(&counted.key));
	static_branch_dec(&counted); pr_info("jl: none %d\n", site(1));
	static_branch_enable(&array[1]); pr_info("jl: array %d enabled %d %d\n", site(1), static_key_enabled(&array[0]), static_key_enabled(&array[1]));
	return 0;
}
static void __exit branches_out(void) { static_branch_disable(&array[1]); pr_info("jl: out %d\n", site(1)); }
module_init(branches_in); module_exit(branches_out);
MODULE_LICENSE("Dual MIT/GPL");
