// Red-black trees, interval trees, sorted lists.
#include <linux/module.h>
#include <linux/rbtree_augmented.h>
#include <linux/interval_tree.h>
#include <linux/list_sort.h>
#include <linux/llist.h>

#define say(fmt, ...) pr_info("tr: " fmt "\n", ##__VA_ARGS__)
#define N 200

struct item {
	struct rb_node node;
	u32 key, sum, order;
	struct list_head list;
	struct llist_node chain;
};
static struct item items[N];
static struct rb_root root = RB_ROOT;

static u32 sum_of(struct item *item)
{
	u32 sum = item->key;

	if (item->node.rb_left)
		sum += rb_entry(item->node.rb_left, struct item, node)->sum;
	if (item->node.rb_right)
		sum += rb_entry(item->node.rb_right, struct item, node)->sum;
	return sum;
}
static bool compute(struct item *item, bool exit)
{
	u32 sum = sum_of(item);

	if (exit && item->sum == sum)
		return true;
	item->sum = sum;
	return false;
}
RB_DECLARE_CALLBACKS(static, sums, struct item, node, sum, compute)

static void insert(struct item *item, bool augmented)
{
	struct rb_node **link = &root.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (augmented)
			rb_entry(parent, struct item, node)->sum += item->key;
		link = item->key < rb_entry(parent, struct item, node)->key ? &parent->rb_left : &parent->rb_right;
	}
	item->sum = item->key;
	rb_link_node(&item->node, parent, link);
	if (augmented)
		rb_insert_augmented(&item->node, &root, &sums);
	else
		rb_insert_color(&item->node, &root);
}

// The shape decides whether code that looks at nodes sees what Linux makes.
static u32 shape(struct rb_node *node)
{
	if (!node)
		return 1;
	return shape(node->rb_left) * 31 + shape(node->rb_right) * 17 + rb_entry(node, struct item, node)->key * 2 + rb_is_black(node);
}

static void walk(bool augmented)
{
	struct rb_node *node;
	struct item *item, *next;
	u32 forth = 0, back = 0, post = 0, i;

	for (i = 0; i < N; i++) {
		items[i].key = i * 83 % N;
		insert(&items[i], augmented);
	}
	say("shape %u sum %u", shape(root.rb_node), augmented ? rb_entry(root.rb_node, struct item, node)->sum : 0);
	for (node = rb_first(&root); node; node = rb_next(node))
		forth = forth * 7 + rb_entry(node, struct item, node)->key;
	for (node = rb_last(&root); node; node = rb_prev(node))
		back = back * 7 + rb_entry(node, struct item, node)->key;
	rbtree_postorder_for_each_entry_safe(item, next, &root, node)
		post = post * 7 + item->key;
	say("%u %u %u", forth, back, post);
	for (i = 0; i < N; i += 3) {
		if (augmented)
			rb_erase_augmented(&items[i].node, &root, &sums);
		else
			rb_erase(&items[i].node, &root);
	}
	say("shape %u sum %u", shape(root.rb_node), augmented ? rb_entry(root.rb_node, struct item, node)->sum : 0);
	if (!augmented) {
		static struct item other;

		other.key = items[1].key;
		rb_replace_node(&items[1].node, &other.node, &root);
		say("shape %u", shape(root.rb_node));
		rb_replace_node(&other.node, &items[1].node, &root);
	}
	for (i = 0; i < N; i++)
		if (i % 3)
			augmented ? rb_erase_augmented(&items[i].node, &root, &sums) : rb_erase(&items[i].node, &root);
	RB_CLEAR_NODE(&items[0].node);
	say("empty %d next of none %d", RB_EMPTY_ROOT(&root), !!rb_next(&items[0].node));
}

static void intervals(void)
{
	static struct interval_tree_node spans[40];
	struct rb_root_cached cached = RB_ROOT_CACHED;
	struct interval_tree_node *span;
	int i, at;

	for (i = 0; i < 40; i++) {
		spans[i].start = i * 37 % 101;
		spans[i].last = spans[i].start + i % 9;
		interval_tree_insert(&spans[i], &cached);
	}
	for (at = 0; at < 110; at += 20) {
		pr_info("tr: %d:", at);
		for (span = interval_tree_iter_first(&cached, at, at + 4); span; span = interval_tree_iter_next(span, at, at + 4))
			pr_cont(" %lu-%lu", span->start, span->last);
		pr_cont("\n");
	}
	for (i = 0; i < 40; i++)
		interval_tree_remove(&spans[i], &cached);
	say("empty %d %d", !cached.rb_root.rb_node, !cached.rb_leftmost);
}

static int by_key(void *priv, const struct list_head *a, const struct list_head *b)
{
	return (int)(list_entry(a, struct item, list)->key / 10) - (int)(list_entry(b, struct item, list)->key / 10);
}

static void lists(void)
{
	LIST_HEAD(head);
	LLIST_HEAD(chain);
	struct item *item;
	u32 sum = 0;
	int i;

	for (i = 0; i < N; i++) {
		items[i].order = i;
		list_add_tail(&items[i].list, &head);
	}
	list_sort(NULL, &head, by_key);
	list_for_each_entry(item, &head, list)
		sum = sum * 7 + item->order;
	say("forwards %u", sum);
	sum = 0;
	list_for_each_entry_reverse(item, &head, list)
		sum = sum * 7 + item->order;
	say("backwards %u", sum);
	say("added %d %d %d", llist_add(&items[0].chain, &chain), llist_add(&items[1].chain, &chain), llist_add(&items[2].chain, &chain));
	say("first %u", llist_entry(llist_del_first(&chain), struct item, chain)->order);
	say("reversed %u", llist_entry(llist_reverse_order(llist_del_all(&chain)), struct item, chain)->order);
	say("none %d", !llist_del_first(&chain));
}

static int __init trees_init(void)
{
	walk(false);
	walk(true);
	intervals();
	lists();
	return 0;
}
module_init(trees_init);
static void __exit trees_exit(void) { }
module_exit(trees_exit);
MODULE_LICENSE("Dual MIT/GPL");
