// Neither init nor exit.
#include <linux/module.h>
MODULE_LICENSE("Dual MIT/GPL");
