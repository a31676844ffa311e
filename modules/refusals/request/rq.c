// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/kmod.h>
#include <linux/module.h>

/* Asks for the module whose name is written. */
static int ask(const char *text, const struct kernel_param *kp)
{
	int len = strcspn(text, "\n");

	pr_info("rq: %.*s gives %d\n", min(len, 20), text, request_module("%.*s", len, text));
	return 0;
}

static const struct kernel_param_ops ask_ops = { .set = ask };
module_param_cb(ask, &ask_ops, NULL, 0200);

static int nowait(const char *text, const struct kernel_param *kp)
{
	int len = strcspn(text, "\n");

	pr_info("rq: %.*s at once gives %d\n", len, text, request_module_nowait("%.*s", len, text));
	return 0;
}

static const struct kernel_param_ops nowait_ops = { .set = nowait };
module_param_cb(nowait, &nowait_ops, NULL, 0200);

static int __init rq_init(void)
{
	/* From init, while this module is coming. */
	pr_info("rq: in, %d\n", request_module("rq-early-%d", 1));
	return 0;
}

static void __exit rq_exit(void)
{
	pr_info("rq: out\n");
}
module_init(rq_init);
module_exit(rq_exit);
MODULE_LICENSE("Dual MIT/GPL");
