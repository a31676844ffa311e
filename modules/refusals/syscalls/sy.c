// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

static char *word = "none";
module_param(word, charp, 0444);

static int __init sy_init(void)
{
	pr_info("sy: in, %zu letters\n", strlen(word));
	return 0;
}

static void __exit sy_exit(void)
{
}
module_init(sy_init);
module_exit(sy_exit);
MODULE_LICENSE("Dual MIT/GPL");
