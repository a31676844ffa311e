// Looked at while its init and its exit run: both wait for the parameter `go`.
#include <linux/module.h>
#include <linux/delay.h>
static bool fail; module_param(fail, bool, 0644);
static bool go; module_param(go, bool, 0644);
static void wait_for_go(void)
{
	int i;

	for (i = 0; i < 3000 && !READ_ONCE(go); i++)
		msleep(10);
	go = false;
}
static int __init stating_in(void) { pr_info("st: init, count %d\n", module_refcount(THIS_MODULE)); wait_for_go(); pr_info("st: init ends\n"); return fail ? -ENODEV : 0; }
static void __exit stating_out(void) { pr_info("st: exit, count %d\n", module_refcount(THIS_MODULE)); wait_for_go(); pr_info("st: exit ends\n"); }
module_init(stating_in); module_exit(stating_out);
MODULE_LICENSE("GPL");
