// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/percpu.h>

static int number = 3;
module_param(number, int, 0444);

static DEFINE_PER_CPU(int, each) = 5;

/* An address that 32 bits hold only sign-extended. */
static int *const table[2] = { &number, &number };

int vi_take(int n)
{
	return n + *table[n & 1];
}
EXPORT_SYMBOL_GPL(vi_take);

static int __init vi_init(void)
{
	pr_info("vi: in %d %d\n", number, this_cpu_read(each));
	return 0;
}

static void __exit vi_exit(void)
{
	pr_info("vi: out %d\n", vi_take(1));
}
module_init(vi_init);
module_exit(vi_exit);
MODULE_LICENSE("Dual MIT/GPL");
