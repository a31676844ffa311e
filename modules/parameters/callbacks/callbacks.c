// Operations of one's own: each result, each one missing.
#include <linux/module.h>
#include <linux/mm.h>
static int result;
module_param(result, int, 0644);
static int set(const char *val, const struct kernel_param *kp)
{
	pr_info("cb: set %s '%s' perm %o flags %d level %d mod %s arg %d\n", kp->name, val ?: "(none)", kp->perm, kp->flags, kp->level, kp->mod->name, *(int *)kp->arg);
	return result;
}
static int get(char *buffer, const struct kernel_param *kp)
{
	pr_info("cb: get %s\n", kp->name);
	if (result < 0)
		return result;
	return sprintf(buffer, "arg %d\n", *(int *)kp->arg);
}
static void release(void *arg) { pr_info("cb: free %d\n", *(int *)arg); }
static int one = 1, two = 2, three = 3, four = 4, five = 5, six = 6;
static const struct kernel_param_ops full = { .flags = KERNEL_PARAM_OPS_FL_NOARG, .set = set, .get = get, .free = release };
static const struct kernel_param_ops no_get = { .set = set, .free = release };
static const struct kernel_param_ops no_set = { .get = get };
static const struct kernel_param_ops nothing = { };
module_param_cb(full, &full, &one, 0644);
module_param_cb(no_get, &no_get, &two, 0644);
module_param_cb(no_set, &no_set, &three, 0644);
module_param_cb(nothing, &nothing, &four, 0644);
module_param_cb(hidden, &full, &five, 0);
module_param_cb(write_only, &full, &six, 0200);
static int get_len(char *buffer, const struct kernel_param *kp)
{
	int n = *(int *)kp->arg, i;
	for (i = 0; i < n && i < PAGE_SIZE; i++)
		buffer[i] = 'a' + i % 26;
	return n;
}
static int length;
static int set_len(const char *val, const struct kernel_param *kp) { return kstrtoint(val, 0, kp->arg); }
static const struct kernel_param_ops len_ops = { .set = set_len, .get = get_len };
module_param_cb(length, &len_ops, &length, 0644);
static int get_nul(char *buffer, const struct kernel_param *kp) { memcpy(buffer, "a\0b\nc", 5); return 5; }
static const struct kernel_param_ops nul_ops = { .get = get_nul };
module_param_cb(nul, &nul_ops, NULL, 0444);
static int __init callbacks_in(void) { pr_info("cb: in\n"); return 0; }
static void __exit callbacks_out(void) { pr_info("cb: out\n"); }
module_init(callbacks_in); module_exit(callbacks_out);
MODULE_LICENSE("GPL");
