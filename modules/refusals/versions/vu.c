// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

int vb_one(void);
int vb_two(void);

static int __init vu_init(void)
{
	pr_info("vu: in %d\n", vb_one() + vb_two());
	return 0;
}

static void __exit vu_exit(void)
{
}
module_init(vu_init);
module_exit(vu_exit);
MODULE_LICENSE("Dual MIT/GPL");
