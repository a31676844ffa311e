// Exports for the others.
#include <linux/module.h>
int held_number(int n); int held_number(int n) { return n + 1; } EXPORT_SYMBOL(held_number);
MODULE_LICENSE("GPL");
