// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int lt_answer(int n);
int lt_other(int n);
int lt_bare(int n);

noinline int lt_answer(int n)
{
	return n + 1;
}
EXPORT_SYMBOL_GPL(lt_answer);

noinline int lt_other(int n)
{
	return n + 2;
}
EXPORT_SYMBOL_GPL(lt_other);

noinline notrace int lt_bare(int n)
{
	return n + 3;
}
EXPORT_SYMBOL_GPL(lt_bare);

static int show(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%d %d %d\n", lt_answer(0), lt_other(0), lt_bare(0));
}

static const struct kernel_param_ops ops = { .get = show };
module_param_cb(answers, &ops, NULL, 0444);

static int fail;
module_param(fail, int, 0444);

static int __init lt_init(void)
{
	pr_info("lt: in %d\n", lt_answer(0));
	return fail;
}

static void __exit lt_exit(void)
{
	pr_info("lt: out %d\n", lt_answer(0));
}
module_init(lt_init);
module_exit(lt_exit);
MODULE_LICENSE("Dual MIT/GPL");
