// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
MODULE_LICENSE("Dual MIT/GPL");
