// Its uevents.
#include <linux/module.h>
static int __init uevented_in(void) { return 0; }
static void __exit uevented_out(void) { }
module_init(uevented_in); module_exit(uevented_out);
MODULE_LICENSE("GPL");
