// Here so that the case belongs to a kernel.
#include <linux/module.h>
MODULE_LICENSE("GPL");
