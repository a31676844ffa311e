// Goes on from a list entry that was deleted (LIST_POISON1).
#include <linux/module.h>
#include <linux/list.h>
struct item { struct list_head node; int number; };
static LIST_HEAD(items);
static struct item one = { .number = 1 }, two = { .number = 2 };
static noinline int after(struct item *i) { return READ_ONCE(list_next_entry(i, node)->number); }
static int __init poison_in(void)
{
	list_add(&one.node, &items);
	list_add(&two.node, &items);
	pr_info("lp: after two comes %d\n", after(&two));
	list_del(&two.node);
	pr_info("lp: poison %px %px\n", two.node.next, two.node.prev);
	pr_info("lp: never printed %d\n", after(&two));
	return 0;
}
static void __exit poison_out(void) { pr_info("lp: out\n"); }
module_init(poison_in); module_exit(poison_out);
MODULE_LICENSE("Dual MIT/GPL");
