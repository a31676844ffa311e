// Data, tables and function pointers shared between modules.
#include <linux/module.h>
#include "shelf.h"
static struct book second = { "Second", 20 };
struct book shelf_first = { "First", 10, &second };
const char shelf_name[] = "oak";
int shelf_count = 2, shelf_table[] = { 3, 1, 4, 1, 5 };
int (*shelf_hook)(int);
int shelf_visit(int (*each)(struct book *, void *), void *data)
{
	struct book *b;
	int n = 0;

	for (b = &shelf_first; b; b = b->next)
		n += each(b, data);
	return shelf_hook ? shelf_hook(n) : n;
}
EXPORT_SYMBOL(shelf_first); EXPORT_SYMBOL(shelf_name); EXPORT_SYMBOL_GPL(shelf_count); EXPORT_SYMBOL(shelf_table);
EXPORT_SYMBOL(shelf_hook); EXPORT_SYMBOL(shelf_visit);
MODULE_LICENSE("Dual MIT/GPL");
