// Looked at while its init and its exit run.
#include <linux/module.h>
#include <linux/delay.h>
static bool fail; module_param(fail, bool, 0644);
static int __init stating_in(void) { pr_info("st: init, count %d\n", module_refcount(THIS_MODULE)); msleep(1500); pr_info("st: init ends\n"); return fail ? -ENODEV : 0; }
static void __exit stating_out(void) { pr_info("st: exit, count %d\n", module_refcount(THIS_MODULE)); msleep(1500); pr_info("st: exit ends\n"); }
module_init(stating_in); module_exit(stating_out);
MODULE_LICENSE("GPL");
