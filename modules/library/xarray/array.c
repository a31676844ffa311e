// The XArray by its functions and by inline walks, with marks, large entries, and as a radix tree.
#include <linux/module.h>
#include <linux/xarray.h>
#include <linux/radix-tree.h>

#define say(fmt, ...) pr_info("xa: " fmt "\n", ##__VA_ARGS__)

static DEFINE_XARRAY(array);
static DEFINE_XARRAY_ALLOC(ids);
static RADIX_TREE(tree, GFP_KERNEL);

static void *value(unsigned long v) { return xa_mk_value(v); }

static void plain(void)
{
	static const unsigned long at[] = { 0, 1, 63, 64, 4095, 4096, 1UL << 30, ULONG_MAX };
	unsigned long index;
	void *entry, *some[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		say("store %lx: %d", at[i], xa_err(xa_store(&array, at[i], value(i + 1), GFP_KERNEL)));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		say("load %lx: %lu, beside %d", at[i], xa_to_value(xa_load(&array, at[i])), !!xa_load(&array, at[i] ^ 2));
	xa_set_mark(&array, 63, XA_MARK_1);
	xa_set_mark(&array, 4096, XA_MARK_1);
	xa_set_mark(&array, 5000, XA_MARK_1);
	say("marks %d %d %d", xa_get_mark(&array, 63, XA_MARK_1), xa_get_mark(&array, 64, XA_MARK_1), xa_marked(&array, XA_MARK_1));
	xa_for_each(&array, index, entry)
		say("each %lx %lu", index, xa_to_value(entry));
	xa_for_each_marked(&array, index, entry, XA_MARK_1)
		say("marked %lx", index);
	xa_for_each_range(&array, index, entry, 1, 64)
		say("range %lx", index);
	say("extract %u", xa_extract(&array, some, 2, 5000, 4, XA_PRESENT));
	say("insert %d %d", xa_insert(&array, 64, value(9), GFP_KERNEL), xa_insert(&array, 65, value(9), GFP_KERNEL));
	entry = xa_cmpxchg(&array, 65, value(9), value(10), GFP_KERNEL);
	say("cmpxchg %lu %lu", xa_to_value(entry), xa_to_value(xa_load(&array, 65)));
	say("reserve %d %d", xa_reserve(&array, 70, GFP_KERNEL), !!xa_load(&array, 70));
	xa_release(&array, 70);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		xa_erase(&array, at[i]);
	say("erase %lu empty %d", xa_to_value(xa_erase(&array, 65)), xa_empty(&array));
}

static void walks(void)
{
	XA_STATE(xas, &array, 0);
	void *entry;
	int i, n = 0;

	for (i = 0; i < 300; i += 3)
		xa_store(&array, i, value(i), GFP_KERNEL);
	xas_lock(&xas);
	xas_for_each(&xas, entry, 200) {
		if (xas.xa_index % 2)
			xas_set_mark(&xas, XA_MARK_0);
		if (xas.xa_index == 99)
			xas_store(&xas, value(7));
		n++;
	}
	say("walk %d at %lu", n, xas.xa_index);
	xas_set(&xas, 95);
	for (i = 0; i < 8; i++) {
		entry = xas_next(&xas);
		say("next %lu %lu", xas.xa_index, entry ? xa_to_value(entry) : 0);
	}
	for (i = 0; i < 4; i++)
		entry = xas_prev(&xas);
	say("prev %lu %lu", xas.xa_index, entry ? xa_to_value(entry) : 0);
	n = 0;
	xas_set(&xas, 0);
	xas_for_each_marked(&xas, entry, ULONG_MAX, XA_MARK_0) {
		n++;
		if (n == 5)
			xas_pause(&xas);
	}
	say("marked %d", n);
	xas_unlock(&xas);
	xa_destroy(&array);
	say("empty %d", xa_empty(&array));
}

static void large(void)
{
	unsigned long index;
	void *entry;

	xa_store_range(&array, 8, 15, value(1), GFP_KERNEL);
	xa_store_range(&array, 64, 255, value(2), GFP_KERNEL);
	say("orders %d %d %d", xa_get_order(&array, 9), xa_get_order(&array, 64), xa_get_order(&array, 200));
	say("inside %lu %lu %d", xa_to_value(xa_load(&array, 12)), xa_to_value(xa_load(&array, 255)), !!xa_load(&array, 256));
	xa_for_each(&array, index, entry)
		say("each %lu %lu", index, xa_to_value(entry));
	xa_store(&array, 100, NULL, GFP_KERNEL);
	say("gone %d %d", !!xa_load(&array, 65), !!xa_load(&array, 200));
	xa_destroy(&array);
}

static void alloc(void)
{
	u32 id = 0, next = 0;
	int i, r;

	for (i = 0; i < 5; i++) {
		r = xa_alloc(&ids, &id, value(i), XA_LIMIT(2, 5), GFP_KERNEL);
		say("alloc %d %u", r, id);
	}
	xa_erase(&ids, 3);
	say("again %d %u", xa_alloc(&ids, &id, NULL, XA_LIMIT(0, 10), GFP_KERNEL), id);
	say("null %d used %d", !xa_load(&ids, 0), xa_insert(&ids, 0, value(1), GFP_KERNEL));
	for (i = 0; i < 5; i++) {
		r = xa_alloc_cyclic(&ids, &id, value(i), XA_LIMIT(8, 10), &next, GFP_KERNEL);
		say("cyclic %d %u next %u", r, id, next);
		if (i == 2)
			xa_erase(&ids, 9);
	}
	xa_destroy(&ids);
}

static void radix(void)
{
	struct radix_tree_iter iter;
	void __rcu **slot;
	void *found[3];
	int i;

	for (i = 1; i < 10; i++)
		radix_tree_insert(&tree, i * i * 50, &found[0] + i);
	say("again %d", radix_tree_insert(&tree, 50, &tree));
	radix_tree_tag_set(&tree, 200, 1);
	say("tag %d %d %d", radix_tree_tagged(&tree, 1), radix_tree_tag_get(&tree, 200, 1), radix_tree_tag_get(&tree, 450, 1));
	say("gang %u %u", radix_tree_gang_lookup(&tree, found, 60, 3), radix_tree_gang_lookup_tag(&tree, found, 0, 3, 1));
	radix_tree_for_each_slot(slot, &tree, &iter, 100)
		say("slot %lu", iter.index);
	for (i = 1; i < 10; i++)
		say("delete %d", !!radix_tree_delete(&tree, i * i * 50));
	say("empty %d %d", radix_tree_empty(&tree), !!radix_tree_delete(&tree, 50));
}

static int __init array_init(void)
{
	plain();
	walks();
	large();
	alloc();
	radix();
	return 0;
}
module_init(array_init);
static void __exit array_exit(void) { }
module_exit(array_exit);
MODULE_LICENSE("Dual MIT/GPL");
