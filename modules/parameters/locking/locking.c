// The lock of a module's parameters: held around get and set, and for those who ask.
#include <linux/module.h>
#include <linux/delay.h>
static int value; module_param(value, int, 0644);
static int locked(void) { return mutex_is_locked(&THIS_MODULE->param_lock); }
static int slow_set(const char *val, const struct kernel_param *kp)
{
	pr_info("lo: set begins, locked %d\n", locked());
	msleep(400);
	pr_info("lo: set ends, locked %d\n", locked());
	return 0;
}
static int slow_get(char *buffer, const struct kernel_param *kp) { pr_info("lo: get, locked %d\n", locked()); return sprintf(buffer, "%d\n", value); }
static const struct kernel_param_ops ops = { .set = slow_set, .get = slow_get };
module_param_cb(slow, &ops, NULL, 0644);
static int __init locking_in(void)
{
	pr_info("lo: init, locked %d\n", locked());
	kernel_param_lock(THIS_MODULE);
	pr_info("lo: taken, locked %d\n", locked());
	kernel_param_unlock(THIS_MODULE);
	pr_info("lo: given back, locked %d\n", locked());
	kernel_param_lock(NULL); kernel_param_unlock(NULL);
	return 0;
}
static void __exit locking_out(void) { pr_info("lo: out, locked %d\n", locked()); }
module_init(locking_in); module_exit(locking_out);
MODULE_LICENSE("GPL");
