// sort: the order of equal members, swap functions, comparisons with a private argument; list_sort.
#include <linux/module.h>
#include <linux/sort.h>
#include <linux/list_sort.h>
#include <linux/list.h>
#include <linux/bsearch.h>

struct card { unsigned char key, n; };
static struct card cards[23];
static int compared, swapped;
static int by_key(const void *a, const void *b)
{
	compared++;
	return ((struct card *)a)->key - ((struct card *)b)->key;
}
static void swap_cards(void *a, void *b, int size)
{
	struct card t = *(struct card *)a;

	swapped += size == sizeof(t);
	*(struct card *)a = *(struct card *)b;
	*(struct card *)b = t;
}
static int by_private(const void *a, const void *b, const void *p) { return (by_key(a, b)) * *(int *)p; }
static void deal(int n)
{
	int i;

	compared = swapped = 0;
	for (i = 0; i < n; i++) {
		cards[i].key = 'a' + i * 7 % 5;
		cards[i].n = i;
	}
}
static void show(const char *what, int n)
{
	char text[100];
	int i, at = 0;

	for (i = 0; i < n; i++)
		at += scnprintf(text + at, sizeof(text) - at, " %c%d", cards[i].key, cards[i].n);
	pr_info("so: %s:%s\n", what, text);
}
static int big_cmp(const void *a, const void *b) { return *(u64 *)a < *(u64 *)b ? -1 : *(u64 *)a > *(u64 *)b; }
struct item { struct list_head list; int key, n; };
static struct item items[20];
static int item_cmp(void *priv, const struct list_head *a, const struct list_head *b)
{
	++*(int *)priv;
	return list_entry(a, struct item, list)->key - list_entry(b, struct item, list)->key;
}
static int __init so_in(void)
{
	static u64 big[33];
	int i, sign = -1, calls = 0;
	u64 none = 1;
	struct item *it;
	LIST_HEAD(head);
	char text[120];

	for (i = 0; i < 4; i++) {
		deal(i);
		sort(cards, i, sizeof(cards[0]), by_key, NULL);
		show("few", i);
	}
	deal(23);
	sort(cards, 23, sizeof(cards[0]), by_key, NULL);
	show("equal ones", 23);
	pr_info("so: compared %d\n", compared);
	deal(22);
	sort(cards, 22, sizeof(cards[0]), by_key, swap_cards);
	show("own swap", 22);
	pr_info("so: compared %d swapped %d\n", compared, swapped);
	deal(17);
	sort_r(cards, 17, sizeof(cards[0]), by_private, NULL, &sign);
	show("backwards", 17);
	for (i = 0; i < 33; i++)
		big[i] = i * 0x9e3779b97f4a7c15ull;
	sort(big, 33, sizeof(big[0]), big_cmp, NULL);
	for (i = 1; i < 33 && big[i - 1] < big[i]; i++)
		;
	pr_info("so: ordered %d found %d not %d\n", i, bsearch(&big[20], big, 33, 8, big_cmp) == &big[20], bsearch(&none, big, 33, 8, big_cmp) == NULL);
	for (i = 0; i < 20; i++) {
		items[i].key = i * 7 % 5;
		items[i].n = i;
		list_add_tail(&items[i].list, &head);
	}
	list_sort(&calls, &head, item_cmp);
	i = 0;
	list_for_each_entry(it, &head, list)
		i += scnprintf(text + i, sizeof(text) - i, " %d.%d", it->key, it->n);
	pr_info("so: list%s last %d\n", text, list_last_entry(&head, struct item, list)->n);
	return 0;
}
static void __exit so_out(void) { }
module_init(so_in); module_exit(so_out);
MODULE_LICENSE("Dual MIT/GPL");
