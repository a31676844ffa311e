#include <linux/module.h>
#include "shelf.h"
static struct book third = { "Third", 30 };
static int twice(int n) { return n * 2; }
static int __init writer_in(void)
{
	third.next = shelf_first.next; shelf_first.next = &third;
	shelf_count++; shelf_table[2] = -7; shelf_hook = twice;
	return 0;
}
static void __exit writer_out(void)
{
	shelf_first.next = third.next; shelf_count--; shelf_hook = NULL;
}
module_init(writer_in);
module_exit(writer_out);
MODULE_LICENSE("Dual MIT/GPL");
