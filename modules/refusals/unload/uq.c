// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>

/* Neither init nor exit. */
int uq_number;
EXPORT_SYMBOL(uq_number);
MODULE_LICENSE("Dual MIT/GPL");
