// As little as possible.
#include <linux/module.h>
MODULE_LICENSE("Proprietary");
