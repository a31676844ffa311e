// Times the library's operations and prints nanoseconds for each: "library NAME TENTHS".
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/xarray.h>
#include <linux/maple_tree.h>
#include <linux/rhashtable.h>
#include <linux/list_sort.h>
#include <linux/sort.h>
#include <linux/crc32.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/ktime.h>

#define N 20000

struct item { struct rb_node node; u64 key; struct rhash_head hash; struct list_head list; };

static u32 next_key(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state;
}

static void tell(const char *name, u64 start, u64 count)
{
	pr_info("library %s %llu\n", name, (ktime_get_ns() - start) * 10 / count);
}

static void trees(struct item *items)
{
	struct rb_root root = RB_ROOT;
	u64 start = ktime_get_ns();
	int i;

	for (i = 0; i < N; i++) {
		struct rb_node **link = &root.rb_node, *parent = NULL;

		while (*link) {
			parent = *link;
			link = items[i].key < rb_entry(parent, struct item, node)->key ? &parent->rb_left : &parent->rb_right;
		}
		rb_link_node(&items[i].node, parent, link);
		rb_insert_color(&items[i].node, &root);
	}
	tell("rbtree-insert", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		rb_erase(&items[i].node, &root);
	tell("rbtree-erase", start, N);
}

static void arrays(struct item *items)
{
	static DEFINE_XARRAY(array);
	u64 start = ktime_get_ns();
	int i;

	for (i = 0; i < N; i++)
		xa_store(&array, items[i].key % (4 * N), &items[i], GFP_KERNEL);
	tell("xarray-store", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		if (!xa_load(&array, items[i].key % (4 * N)))
			pr_info("library lost\n");
	tell("xarray-load", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		xa_erase(&array, items[i].key % (4 * N));
	tell("xarray-erase", start, N);
}

static void ranges(struct item *items)
{
	static DEFINE_MTREE(tree);
	u64 start = ktime_get_ns();
	int i;

	for (i = 0; i < N; i++)
		mtree_store(&tree, items[i].key, &items[i], GFP_KERNEL);
	tell("maple-store", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		if (!mtree_load(&tree, items[i].key))
			pr_info("library lost\n");
	tell("maple-load", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		mtree_erase(&tree, items[i].key);
	tell("maple-erase", start, N);
}

static void tables(struct item *items)
{
	static const struct rhashtable_params params = {
		.key_len = sizeof(u64), .key_offset = offsetof(struct item, key), .head_offset = offsetof(struct item, hash),
		.automatic_shrinking = true,
	};
	struct rhashtable table;
	u64 start;
	int i;

	if (rhashtable_init(&table, &params))
		return;
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		rhashtable_insert_fast(&table, &items[i].hash, params);
	tell("rhashtable-insert", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		if (!rhashtable_lookup_fast(&table, &items[i].key, params))
			pr_info("library lost\n");
	tell("rhashtable-lookup", start, N);
	start = ktime_get_ns();
	for (i = 0; i < N; i++)
		rhashtable_remove_fast(&table, &items[i].hash, params);
	tell("rhashtable-remove", start, N);
	rhashtable_destroy(&table);
}

static int compare_items(void *unused, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct item, list)->key > list_entry(b, struct item, list)->key;
}

static void lists(struct item *items)
{
	LIST_HEAD(list);
	u64 start;
	int i;

	for (i = 0; i < N; i++)
		list_add_tail(&items[i].list, &list);
	start = ktime_get_ns();
	list_sort(NULL, &list, compare_items);
	tell("list_sort", start, N);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(u64 *)a, y = *(u64 *)b;

	return x < y ? -1 : x > y;
}

static int __init library_init(void)
{
	struct item *items = kvcalloc(N, sizeof(*items), GFP_KERNEL);
	u64 *numbers = kvcalloc(N, sizeof(*numbers), GFP_KERNEL);
	u32 state = 1, crc = ~0;
	u64 start;
	int i;

	if (!items || !numbers)
		return -ENOMEM;
	for (i = 0; i < N; i++)
		numbers[i] = items[i].key = next_key(&state);
	trees(items);
	arrays(items);
	ranges(items);
	tables(items);
	lists(items);
	start = ktime_get_ns();
	sort(numbers, N, sizeof(*numbers), compare, NULL);
	tell("sort", start, N);
	start = ktime_get_ns();
	for (i = 0; i < 16; i++)
		crc = __crc32c_le(crc, (u8 *)numbers, N * sizeof(*numbers));
	tell("crc32c-KiB", start, 16 * N * sizeof(*numbers) / 1024);
	kvfree(items);
	kvfree(numbers);
	return crc ? 0 : -EINVAL;
}
module_init(library_init);
static void __exit library_exit(void) { }
module_exit(library_exit);
MODULE_LICENSE("Dual MIT/GPL");
