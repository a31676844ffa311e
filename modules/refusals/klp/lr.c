// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/livepatch.h>

/* Of ly, static there: the steps make livepatch symbols of them. */
int ly_hidden(int n);
extern int ly_count;
/* Of the kernel. */
int lr_print(const char *format, ...);

static int lr_answer(int n)
{
	return ly_hidden(n) + 100 * READ_ONCE(ly_count);
}

static struct klp_func funcs[] = { { .old_name = "ly_answer", .new_func = lr_answer }, {} };
static struct klp_object objs[] = { { .name = "ly", .funcs = funcs }, {} };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

/* In a section that is not patched to anything while it is written. */
static int __used lr_tell(void)
{
	return lr_print(KERN_INFO "lr: told\n");
}

static bool tell;
module_param(tell, bool, 0444);

static int __init lr_init(void)
{
	pr_info("lr: in\n");
	if (tell)
		lr_tell();
	return klp_enable_patch(&patch);
}

static void __exit lr_exit(void)
{
	pr_info("lr: out\n");
}
module_init(lr_init);
module_exit(lr_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_INFO(livepatch, "Y");
