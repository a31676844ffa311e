// SPDX-License-Identifier: MIT OR GPL-2.0
/* What the kernel keeps to itself, and what it gives to some. */
#include <linux/dma-buf.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/sched.h>

static int __init se_init(void)
{
	dma_buf_put(NULL);
	if (find_module("btrfs")) /* WANT symbol */
		return -EBUSY;
	return kallsyms_lookup_name("schedule") ? 0 : -ENOENT; /* WANT symbol */
}

static void __exit se_exit(void)
{
}

module_init(se_init);
module_exit(se_exit);
MODULE_DESCRIPTION("uses what is not for modules");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("Dual MIT/GPL");
