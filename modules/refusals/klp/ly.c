// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

/* What a livepatch reaches although nobody exports it. */
static noinline __noclone __used int ly_hidden(int n)
{
	return READ_ONCE(n) + 10;
}

static int ly_count __used = 7;

static noinline __noclone int ly_answer(int n)
{
	return ly_hidden(n) + READ_ONCE(ly_count);
}

/* The same name in two tables of symbols is made by the steps. */
static noinline __noclone __used int ly_spare(int n)
{
	return READ_ONCE(n) + 20;
}

static int show(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%d\n", ly_answer(0));
}

static const struct kernel_param_ops ops = { .get = show };
module_param_cb(answer, &ops, NULL, 0444);

static int __init ly_init(void)
{
	pr_info("ly: in %d\n", ly_answer(0));
	return 0;
}

static void __exit ly_exit(void)
{
	pr_info("ly: out %d\n", ly_answer(0));
}
module_init(ly_init);
module_exit(ly_exit);
MODULE_LICENSE("Dual MIT/GPL");
