// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/notifier.h>

int pa_open(void);
int pa_gpl(void);

static int refuse;
module_param(refuse, int, 0644);

static int told(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (mod == THIS_MODULE)
		pr_info("pb: myself %lu count %d\n", state, module_refcount(mod));
	else
		pr_info("pb: %s %lu state %d count %d live %d\n", mod->name, state, mod->state, module_refcount(mod),
			module_is_live(mod));
	return state == MODULE_STATE_COMING && refuse ? notifier_from_errno(refuse) : NOTIFY_OK;
}

static struct notifier_block block = { .notifier_call = told };

static void *got;

/* What the parameter `act` names is done when it is written. */
static int act(const char *text, const struct kernel_param *kp)
{
	void *p;

	if (sysfs_streq(text, "gpl")) {
		got = symbol_get(pa_gpl);
		pr_info("pb: got %d, says %d\n", !!got, got ? ((int (*)(void))got)() : -1);
	} else if (sysfs_streq(text, "open")) {
		p = symbol_get(pa_open);
		pr_info("pb: got %d\n", !!p);
	} else if (sysfs_streq(text, "kernel")) {
		p = __symbol_get("printk_timed_ratelimit");
		pr_info("pb: kernel's open one %d\n", !!p);
		p = __symbol_get("ktime_get");
		pr_info("pb: kernel's GPL one %d\n", !!p);
		__symbol_put("ktime_get");
	} else if (sysfs_streq(text, "none")) {
		pr_info("pb: nobody's %d\n", !!__symbol_get("pb_nobody"));
	} else if (sysfs_streq(text, "put")) {
		symbol_put(pa_gpl);
	} else if (sysfs_streq(text, "put_addr")) {
		symbol_put_addr(got);
		symbol_put_addr(_printk);
	} else if (sysfs_streq(text, "twice")) {
		pr_info("pb: registered again %d\n", register_module_notifier(&block));
	} else if (sysfs_streq(text, "self")) {
		pr_info("pb: self %s %d %d\n", THIS_MODULE->name, THIS_MODULE->state, try_module_get(THIS_MODULE));
		pr_info("pb: count %d\n", module_refcount(THIS_MODULE));
		module_put(THIS_MODULE);
		pr_info("pb: null %d\n", try_module_get(NULL));
		module_put(NULL);
		__module_get(NULL);
	} else {
		return -EINVAL;
	}
	return 0;
}

static const struct kernel_param_ops act_ops = { .set = act };
module_param_cb(act, &act_ops, NULL, 0200);

static int __init pb_init(void)
{
	pr_info("pb: in %s state %d count %d, registered %d\n", THIS_MODULE->name, THIS_MODULE->state,
		module_refcount(THIS_MODULE), register_module_notifier(&block));
	return 0;
}

static void __exit pb_exit(void)
{
	int err = unregister_module_notifier(&block);

	pr_info("pb: out state %d count %d, got %d, unregistered %d %d\n", THIS_MODULE->state,
		module_refcount(THIS_MODULE), try_module_get(THIS_MODULE), err, unregister_module_notifier(&block));
}
module_init(pb_init);
module_exit(pb_exit);
MODULE_LICENSE("Dual MIT/GPL");
