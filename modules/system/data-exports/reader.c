#include <linux/module.h>
#include "shelf.h"
static int one(struct book *b, void *data) { pr_info("sh: %s has %d\n", b->title, b->pages); *(int *)data += b->pages; return 1; }
static int __init reader_in(void)
{
	int pages = 0, n = shelf_visit(one, &pages);

	pr_info("sh: %d books of %d, %d pages on %s, table %d %d\n", n, shelf_count, pages, shelf_name, shelf_table[2], shelf_table[4]);
	return 0;
}
static void __exit reader_out(void) { pr_info("sh: count at the end %d\n", shelf_count); }
module_init(reader_in);
module_exit(reader_out);
MODULE_LICENSE("Dual MIT/GPL");
