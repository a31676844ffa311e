// The maple tree: edge cases one by one, then random operations on trees of each kind, whose results are summed up.
#include <linux/module.h>
#include <linux/version.h>
#include <linux/xarray.h>
#include <linux/maple_tree.h>

#define say(fmt, ...) pr_info("mt: " fmt "\n", ##__VA_ARGS__)
#define NEW (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))

static int trace;
module_param(trace, int, 0444);

static struct maple_tree tree;

static void *value(unsigned long v) { return xa_mk_value(v); }

static long entry_of(void *e)
{
	if (!e)
		return 0;
	if (xa_is_value(e))
		return xa_to_value(e);
	if (xa_is_zero(e))
		return -1;
	return -(long)((unsigned long)e >> 2);
}

static const char *state(struct ma_state *mas)
{
#if NEW
	static const char *const names[] = { "active", "start", "root", "none", "pause", "overflow", "underflow", "error" };

	return names[mas->status];
#else
	if (mas_is_none(mas))
		return "none";
	if (mas_is_paused(mas))
		return "pause";
	if (mas->node == MAS_START)
		return "start";
	if (mas->node == MAS_ROOT)
		return "root";
	return (unsigned long)mas->node & 2 ? "error" : "active";
#endif
}

static void at(const char *what, struct ma_state *mas, void *e)
{
	say("%s: %ld at %ld-%ld %s", what, entry_of(e), mas->index, mas->last, state(mas));
}

static void dump(const char *what, struct maple_tree *mt)
{
	MA_STATE(mas, mt, 0, 0);
	void *e;

	say("%s: empty %d root %d height %u", what, mtree_empty(mt), mt->ma_root ? (int)((unsigned long)mt->ma_root & 3) : -1, mt_height(mt));
	rcu_read_lock();
	mas_for_each(&mas, e, ULONG_MAX)
		say("  %ld-%ld %ld", mas.index, mas.last, entry_of(e));
	rcu_read_unlock();
	at("  end", &mas, NULL);
}

static void plain(void)
{
	unsigned long index;
	void *e;

	mt_init(&tree);
	dump("new", &tree);
	say("load %ld erase %ld", entry_of(mtree_load(&tree, 0)), entry_of(mtree_erase(&tree, 5)));
	say("store 0: %d", mtree_store(&tree, 0, value(1), GFP_KERNEL));
	dump("one", &tree);
	say("load %ld %ld", entry_of(mtree_load(&tree, 0)), entry_of(mtree_load(&tree, 1)));
	say("insert again %d", mtree_insert(&tree, 0, value(2), GFP_KERNEL));
	say("insert over %d", mtree_insert_range(&tree, 0, 3, value(2), GFP_KERNEL));
	say("erase 1 %ld 0 %ld", entry_of(mtree_erase(&tree, 1)), entry_of(mtree_erase(&tree, 0)));
	dump("none", &tree);
	say("null 5: %d", mtree_store(&tree, 5, NULL, GFP_KERNEL));
	dump("null", &tree);
	say("pointer 0: %d", mtree_store(&tree, 0, (void *)0x12342, GFP_KERNEL));
	dump("pointer", &tree);
	say("over 0: %d", mtree_store(&tree, 0, value(3), GFP_KERNEL));
	dump("over", &tree);
	say("erase %ld", entry_of(mtree_erase(&tree, 0)));
	dump("gone", &tree);
	say("one again: %d, then 1: %d", mtree_store(&tree, 0, value(4), GFP_KERNEL), mtree_insert(&tree, 1, value(5), GFP_KERNEL));
	dump("two", &tree);
	say("erase 1: %ld", entry_of(mtree_erase(&tree, 1)));
	dump("left", &tree);
	say("all: %d", mtree_store_range(&tree, 0, ULONG_MAX, value(6), GFP_KERNEL));
	dump("all", &tree);
	say("load %ld %ld", entry_of(mtree_load(&tree, 0)), entry_of(mtree_load(&tree, ULONG_MAX)));
	say("hole: %d", mtree_store_range(&tree, 10, 19, NULL, GFP_KERNEL));
	dump("hole", &tree);
	say("in the hole %d %d %d", mtree_insert_range(&tree, 9, 11, value(7), GFP_KERNEL),
	    mtree_insert_range(&tree, 12, 20, value(7), GFP_KERNEL), mtree_insert_range(&tree, 10, 19, value(7), GFP_KERNEL));
	say("same beside: %d", mtree_store_range(&tree, 20, 29, value(7), GFP_KERNEL));
	dump("beside", &tree);
	say("split: %d", mtree_store_range(&tree, 15, 16, value(7), GFP_KERNEL));
	say("last: %d %d", mtree_store(&tree, ULONG_MAX, value(8), GFP_KERNEL), mtree_insert(&tree, ULONG_MAX, value(9), GFP_KERNEL));
	dump("split", &tree);
	say("erase last %ld, inside %ld", entry_of(mtree_erase(&tree, ULONG_MAX)), entry_of(mtree_erase(&tree, 25)));
	dump("erased", &tree);
	say("wrong %d %d", mtree_store_range(&tree, 5, 4, value(1), GFP_KERNEL), mtree_insert_range(&tree, 5, 4, value(1), GFP_KERNEL));
	say("reserved %d %d", mtree_store(&tree, 5, xa_mk_internal(3), GFP_KERNEL), mtree_insert(&tree, 15, XA_RETRY_ENTRY, GFP_KERNEL));
	say("zero %d", mtree_store_range(&tree, 100, 199, XA_ZERO_ENTRY, GFP_KERNEL));
	say("load zero %ld insert %d erase %ld", entry_of(mtree_load(&tree, 150)), mtree_insert(&tree, 150, value(1), GFP_KERNEL),
	    entry_of(mtree_erase(&tree, 150)));
	say("zero %d", mtree_store_range(&tree, 100, 199, XA_ZERO_ENTRY, GFP_KERNEL));
	index = 0;
	mt_for_each(&tree, e, index, ULONG_MAX)
		say("each %ld next %ld", entry_of(e), index);
	index = 0;
	say("find %ld", entry_of(mt_find(&tree, &index, 5)));
	index = 25;
	say("find in a gap up to 28 %ld %ld", entry_of(mt_find(&tree, &index, 28)), index);
	say("find up to 30 %ld %ld", entry_of(mt_find(&tree, &index, 30)), index);
	index = 50;
	say("find backwards %ld, after 0 %ld", entry_of(mt_find(&tree, &index, 20)), entry_of(mt_find_after(&tree, (index = 0, &index), 20)));
	for (index = 0; index < 40; index += 3)
		say("around %lu: %ld %ld", index, entry_of(mt_prev(&tree, index, 0)), entry_of(mt_next(&tree, index, ULONG_MAX)));
	say("limits %ld %ld %ld %ld", entry_of(mt_next(&tree, 5, 10)), entry_of(mt_next(&tree, 5, 9)), entry_of(mt_prev(&tree, 20, 19)),
	    entry_of(mt_prev(&tree, 30, 25)));
	mtree_destroy(&tree);
	dump("destroyed", &tree);
}

static void prepare(unsigned int flags)
{
	mt_init_flags(&tree, flags);
	mtree_store_range(&tree, 10, 19, value(1), GFP_KERNEL);
	mtree_store_range(&tree, 20, 24, value(2), GFP_KERNEL);
	mtree_store(&tree, 40, value(3), GFP_KERNEL);
	mtree_store_range(&tree, 50, 59, XA_ZERO_ENTRY, GFP_KERNEL);
	mtree_store_range(&tree, 100, 199, value(4), GFP_KERNEL);
}

static void walks(void)
{
	static const unsigned long places[] = { 0, 9, 10, 15, 20, 25, 40, 41, 55, 150, 200, ULONG_MAX };
	MA_STATE(mas, &tree, 0, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		mas_set(&mas, places[i]);
		at("walk", &mas, mas_walk(&mas));
		at(" next", &mas, mas_next(&mas, ULONG_MAX));
		mas_set(&mas, places[i]);
		at(" fresh next", &mas, mas_next(&mas, 100));
		mas_set(&mas, places[i]);
		at(" fresh prev", &mas, mas_prev(&mas, 20));
		mas_set(&mas, places[i]);
		at(" find", &mas, mas_find(&mas, 60));
		mas_set(&mas, places[i]);
		at(" find rev", &mas, mas_find_rev(&mas, 22));
	}
	mas_set(&mas, 0);
	while (mas_find(&mas, 60))
		at("up", &mas, NULL);
	at("end", &mas, NULL);
	mas_set(&mas, ULONG_MAX);
	for (i = 0; i < 8; i++)
		at("down", &mas, mas_find_rev(&mas, 0));
	mas_set(&mas, 12);
	for (i = 0; i < 7; i++)
		at("next", &mas, mas_next(&mas, ULONG_MAX));
	mas_set(&mas, 120);
	for (i = 0; i < 7; i++)
		at("prev", &mas, mas_prev(&mas, 0));
	mas_set(&mas, 12);
	at("walk", &mas, mas_walk(&mas));
	mas_pause(&mas);
	at("paused", &mas, NULL);
	at("find", &mas, mas_find(&mas, 100));
	mas_pause(&mas);
	at("next", &mas, mas_next(&mas, 100));
	mas_pause(&mas);
	at("prev", &mas, mas_prev(&mas, 0));
	mas_pause(&mas);
	at("find rev", &mas, mas_find_rev(&mas, 0));
	mas_set(&mas, ULONG_MAX);
	at("walk", &mas, mas_walk(&mas));
	mas_pause(&mas);
	at("find", &mas, mas_find(&mas, ULONG_MAX));
	mas_set(&mas, 300);
	at("find behind", &mas, mas_find(&mas, 200));
	at("find again", &mas, mas_find(&mas, ULONG_MAX));
	mas_set(&mas, 150);
	at("find", &mas, mas_find(&mas, 200));
	at("find again", &mas, mas_find(&mas, 200));
	at("find more", &mas, mas_find(&mas, ULONG_MAX));
#if NEW
	mas_set(&mas, 0);
	for (i = 0; i < 12; i++)
		at("next range", &mas, mas_next_range(&mas, 120));
	for (i = 0; i < 12; i++)
		at("prev range", &mas, mas_prev_range(&mas, 12));
	at("turn", &mas, mas_next(&mas, 120));
	mas_set(&mas, 0);
	for (i = 0; i < 12; i++)
		at("find range", &mas, mas_find_range(&mas, 110));
	for (i = 0; i < 12; i++)
		at("find range rev", &mas, mas_find_range_rev(&mas, 12));
	at("turn", &mas, mas_find(&mas, 120));
	mas_set(&mas, 41);
	at("over", &mas, mas_next(&mas, 45));
	at("back", &mas, mas_prev(&mas, 0));
	mas_set(&mas, 41);
	at("under", &mas, mas_prev(&mas, 40));
	at("under", &mas, mas_prev(&mas, 30));
	at("under", &mas, mas_prev(&mas, 30));
	at("forth", &mas, mas_next(&mas, 199));
	mas_set(&mas, 41);
	at("over", &mas, mas_find(&mas, 45));
	at("back", &mas, mas_find_rev(&mas, 0));
	mas_set(&mas, 41);
	at("over", &mas, mas_find_range(&mas, 45));
	at("over", &mas, mas_find_range(&mas, 45));
	at("on", &mas, mas_find_range(&mas, 60));
#endif
}

// The same on a tree that is empty or has but index 0.
static void small_walks(void)
{
	static const unsigned long places[] = { 0, 1, 7, ULONG_MAX };
	MA_STATE(mas, &tree, 0, 0);
	unsigned long index;
	int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < ARRAY_SIZE(places); i++) {
			mas_set(&mas, places[i]);
			at("walk", &mas, mas_walk(&mas));
			at(" next", &mas, mas_next(&mas, ULONG_MAX));
			at(" next", &mas, mas_next(&mas, ULONG_MAX));
			mas_set(&mas, places[i]);
			at(" fresh next", &mas, mas_next(&mas, 9));
			mas_set(&mas, places[i]);
			at(" fresh prev", &mas, mas_prev(&mas, 0));
			at(" prev", &mas, mas_prev(&mas, 0));
			mas_set(&mas, places[i]);
			at(" find", &mas, mas_find(&mas, ULONG_MAX));
			at(" find", &mas, mas_find(&mas, ULONG_MAX));
			mas_set(&mas, places[i]);
			at(" find rev", &mas, mas_find_rev(&mas, 0));
			at(" find rev", &mas, mas_find_rev(&mas, 0));
			index = places[i];
			say(" mt_find %ld next %ld prev %ld", entry_of(mt_find(&tree, &index, ULONG_MAX)),
			    entry_of(mt_next(&tree, places[i], ULONG_MAX)), entry_of(mt_prev(&tree, places[i], 0)));
			mas_set(&mas, 0);
			say(" area %d", mas_empty_area(&mas, places[i], 100, 5));
			at(" ", &mas, NULL);
			mas_set(&mas, 0);
			say(" area rev %d", mas_empty_area_rev(&mas, places[i], 100, 5));
			at(" ", &mas, NULL);
		}
		mtree_store(&tree, 0, value(1), GFP_KERNEL);
	}
	mtree_erase(&tree, 0);
}

static void stores(void)
{
	MA_STATE(mas, &tree, 12, 13);
	void *e;

	mas_lock(&mas);
	at("store inside", &mas, mas_store(&mas, value(20)));
	at("next", &mas, mas_next(&mas, ULONG_MAX));
	at("prev", &mas, mas_prev(&mas, 0));
	mas_set_range(&mas, 18, 30);
	at("store over", &mas, mas_store(&mas, value(21)));
	at("prev", &mas, mas_prev(&mas, 0));
	mas_set_range(&mas, 18, 20);
	at("null", &mas, mas_store(&mas, NULL));
	mas_set_range(&mas, 25, 26);
	at("null", &mas, mas_store(&mas, NULL));
	mas_set_range(&mas, 21, 24);
	at("null between", &mas, mas_store(&mas, NULL));
	mas_set(&mas, 40);
	at("erase", &mas, mas_erase(&mas));
	mas_set(&mas, 41);
	at("erase nothing", &mas, mas_erase(&mas));
	mas_set_range(&mas, 41, 43);
	say("store gfp %d", mas_store_gfp(&mas, value(22), GFP_KERNEL));
	at("stored", &mas, NULL);
	at("next", &mas, mas_next(&mas, ULONG_MAX));
	say("replace %d", mas_store_gfp(&mas, value(23), GFP_KERNEL));
	at("replaced", &mas, NULL);
	mas_set(&mas, 0);
	mas_for_each(&mas, e, ULONG_MAX) {
		if (mas.index > 40)
			mas_store(&mas, value(mas.index));
		if (mas.index == 50)
			mas_pause(&mas);
	}
	mas_unlock(&mas);
	dump("stored", &tree);
	mas_lock(&mas);
	mas_set(&mas, 0);
	mas_for_each(&mas, e, ULONG_MAX)
		at("erased", &mas, mas_erase(&mas));
	mas_unlock(&mas);
	dump("erased", &tree);
	mas_lock(&mas);
	mas_set(&mas, 0);
	say("expect %d", mas_expected_entries(&mas, 300));
	for (mas.index = 0, mas.last = 4; mas.index < 3000; mas.index += 10, mas.last = mas.index + 4)
		mas_store(&mas, value(mas.index));
	mas_destroy(&mas);
#if NEW
	mas_set_range(&mas, 7, 8);
	say("preallocate %d", mas_preallocate(&mas, value(9), GFP_KERNEL));
	mas_store_prealloc(&mas, value(9));
	at("stored", &mas, NULL);
#else
	mas_set_range(&mas, 7, 8);
	mas_expected_entries(&mas, 1);
	mas_store_prealloc(&mas, value(9));
	at("stored", &mas, NULL);
#endif
	mas_set_range(&mas, 100, 2900);
	mas_store_gfp(&mas, NULL, GFP_KERNEL);
	at("null", &mas, NULL);
	__mt_destroy(&tree);
	mas_unlock(&mas);
	dump("destroyed", &tree);
}

// 6.1 cannot hand out ranges of a tree that is but one node.
static void many(void)
{
	int i;

	for (i = 0; i < 300; i++)
		mtree_store_range(&tree, 100000 + 20 * i, 100000 + 20 * i + 9, value(i), GFP_KERNEL);
}

static void areas(void)
{
	static const unsigned long asked[][3] = {
		{ 0, 100, 5 }, { 0, 100, 10 }, { 0, 100, 11 }, { 0, 100, 15 }, { 0, 100, 40 }, { 0, 100, 41 }, { 5, 100, 5 }, { 6, 100, 5 },
		{ 26, 45, 5 }, { 30, 100, 15 }, { 60, 99, 40 }, { 60, 98, 40 }, { 12, 18, 3 }, { 5, 5, 1 }, { 6, 5, 1 }, { 0, ULONG_MAX, 1000 },
		{ 200, ULONG_MAX, ULONG_MAX - 199 }, { 200, ULONG_MAX, ULONG_MAX - 198 }, { 28, 36, 9 }, { 0, 100, 0 }, { ULONG_MAX, ULONG_MAX, 1 },
	};
	MA_STATE(mas, &tree, 0, 0);
	unsigned long id;
	int i, r;

	for (i = 0; i < ARRAY_SIZE(asked); i++) {
#if !NEW
		if (!asked[i][2])
			continue;
#endif
		mas_reset(&mas);
		r = mas_empty_area(&mas, asked[i][0], asked[i][1], asked[i][2]);
		say("area of %ld in %ld-%ld: %d", asked[i][2], asked[i][0], asked[i][1], r);
		if (!r)
			at(" first", &mas, NULL);
		mas_reset(&mas);
		r = mas_empty_area_rev(&mas, asked[i][0], asked[i][1], asked[i][2]);
		say(" last %d", r);
		if (!r)
			at(" last", &mas, NULL);
	}
	if (!(tree.ma_flags & MT_FLAGS_ALLOC_RANGE)) {
		say("alloc %d %d", mtree_alloc_range(&tree, &id, value(1), 1, 0, 100, GFP_KERNEL),
		    mtree_alloc_rrange(&tree, &id, value(1), 1, 0, 100, GFP_KERNEL));
		return;
	}
	many();
	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		id = 77;
		r = mtree_alloc_range(&tree, &id, value(1000 + i), asked[i][2] / 2, asked[i][0], asked[i][1], GFP_KERNEL);
		say("alloc %d at %ld", r, id);
		id = 77;
		r = mtree_alloc_rrange(&tree, &id, value(2000 + i), asked[i][2] / 3, asked[i][0], asked[i][1], GFP_KERNEL);
		say("alloc rev %d at %ld", r, id);
	}
	say("reserved %d", mtree_alloc_range(&tree, &id, XA_ZERO_ENTRY, 1, 0, 100, GFP_KERNEL));
	mas_set(&mas, 0);
	rcu_read_lock();
	while (mas_find(&mas, 99999))
		at("allocated", &mas, NULL);
	rcu_read_unlock();
}

static void alloc_first(void)
{
	unsigned long id = 77;
	int r;

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	r = mtree_alloc_range(&tree, &id, value(1), 3, 5, 100, GFP_KERNEL);
	say("first alloc %d at %lu", r, id);
	dump("first", &tree);
	mtree_destroy(&tree);
	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	r = mtree_alloc_rrange(&tree, &id, value(1), 3, 5, 100, GFP_KERNEL);
	say("first alloc rev %d at %lu", r, id);
	dump("first", &tree);
	mtree_destroy(&tree);
	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	mtree_store(&tree, 0, value(9), GFP_KERNEL);
	r = mtree_alloc_range(&tree, &id, value(1), 3, 0, 100, GFP_KERNEL);
	say("second alloc %d at %lu", r, id);
	dump("second", &tree);
	mtree_destroy(&tree);
}

#if NEW
static struct maple_tree second;

static void cyclic(void)
{
	unsigned long id, next = 0;
	int i, r;

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE);
	for (i = 0; i < 8; i++) {
		id = 77;
		r = mtree_alloc_cyclic(&tree, &id, value(i), 3, 7, &next, GFP_KERNEL);
		say("cyclic %d at %lu next %lu", r, id, next);
		if (i == 3)
			mtree_erase(&tree, 4);
	}
	next = ULONG_MAX;
	for (i = 0; i < 3; i++) {
		r = mtree_alloc_cyclic(&tree, &id, value(i), 1, ULONG_MAX, &next, GFP_KERNEL);
		say("cyclic %d at %ld next %ld flags %x", r, id, next, tree.ma_flags & ~MT_FLAGS_HEIGHT_MASK);
	}
	say("reserved %d", mtree_alloc_cyclic(&tree, &id, XA_ZERO_ENTRY, 1, 5, &next, GFP_KERNEL));
	mt_init_flags(&second, 0);
	say("dup other %d", mtree_dup(&tree, &second, GFP_KERNEL));
	mt_init_flags(&second, tree.ma_flags & ~MT_FLAGS_HEIGHT_MASK);
	say("dup %d again %d", mtree_dup(&tree, &second, GFP_KERNEL), mtree_dup(&tree, &second, GFP_KERNEL));
	mtree_erase(&tree, 5);
	dump("first", &tree);
	dump("second", &second);
	mtree_destroy(&tree);
	mtree_destroy(&second);
	mt_init(&second);
	mt_init(&tree);
	say("dup empty %d", __mt_dup(&tree, &second, GFP_KERNEL));
	mtree_store(&tree, 0, value(1), GFP_KERNEL);
	say("dup one %d", __mt_dup(&tree, &second, GFP_KERNEL));
	dump("one", &second);
	say("cyclic without gaps %d", mtree_alloc_cyclic(&tree, &id, value(1), 1, 5, &next, GFP_KERNEL));
	mtree_destroy(&tree);
	mtree_destroy(&second);
}
#endif

static u64 sum, rng;

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL;
}

static void add(const char *what, u64 v)
{
	sum = (sum ^ v) * 0x100000001b3ULL;
	sum ^= sum >> 29;
	if (trace)
		say("%s %lld", what, v);
}

static void add_at(const char *what, struct ma_state *mas, void *e)
{
	add(what, entry_of(e));
	// What a walk that found nothing leaves in its state hangs on the nodes; test it by the cases above.
	if (e) {
		add(" index", mas->index);
		add(" last", mas->last);
	}
}

static unsigned long place(unsigned long space)
{
	unsigned long r = rnd() >> 20;

	switch (r & 15) {
	case 0:
		return ULONG_MAX - (r >> 4) % 100;
	case 1:
		return (r >> 4) % 8;
	default:
		return (r >> 4) % space;
	}
}

static void *some_entry(void)
{
	u64 r = rnd() >> 30;

	if (r % 64 == 0)
		return XA_ZERO_ENTRY;
	if (r % 64 == 1)
		return (void *)((r >> 8) % 1000 * 4 + 0x10002);
	if (r % 4 == 2)
		return NULL;
	return value(r % 100000 + 1);
}

static bool many_there;

static bool allocates(void)
{
	return (tree.ma_flags & MT_FLAGS_ALLOC_RANGE) && (NEW || many_there);
}

static void modify(int op, unsigned long first, unsigned long last)
{
	MA_STATE(mas, &tree, first, last);
	unsigned long id = 0, size = 1 + rnd() % 20;
	void *e = some_entry(), *old;
	bool inside;
	int r;

	switch (op) {
	case 0: case 1:
		add("store", mtree_store_range(&tree, first, last, e, GFP_KERNEL));
		break;
	case 2:
		add("store one", mtree_store(&tree, first, e, GFP_KERNEL));
		break;
	case 3:
		if (e)
			add("insert", mtree_insert_range(&tree, first, last, e, GFP_KERNEL));
		break;
	case 4:
		if (e)
			add("insert one", mtree_insert(&tree, first, e, GFP_KERNEL));
		break;
	case 5: case 6:
		add("erase", entry_of(mtree_erase(&tree, first)));
		break;
	case 7:
		mas_lock(&mas);
		mas_walk(&mas);
		inside = mas.last >= last && e;
		mas_set_range(&mas, first, last);
		old = mas_store(&mas, e);
		// Of a range that leaves its slot the result hangs on the nodes.
		add("mas_store", inside ? entry_of(old) : 0);
		add(" index", mas.index);
		add(" last", mas.last);
		add_at("then next", &mas, mas_next(&mas, ULONG_MAX));
		mas_unlock(&mas);
		break;
	case 8:
		mas_lock(&mas);
		add("mas_store_gfp", mas_store_gfp(&mas, e, GFP_KERNEL));
		add(" index", mas.index);
		add(" last", mas.last);
		mas_unlock(&mas);
		break;
	case 9:
		mas_lock(&mas);
		mas_set(&mas, first);
		old = mas_erase(&mas);
		add_at("mas_erase", &mas, old);
		mas_unlock(&mas);
		break;
	case 10:
		// 6.1 lets ranges run over what is there where the window is too small.
		if (!allocates() || xa_is_zero(e) || !e || (!NEW && last - first < 2 * size))
			break;
		r = mtree_alloc_range(&tree, &id, e, size, first, last, GFP_KERNEL);
		add("alloc", r);
		add(" at", id);
		break;
	case 11:
		if (!allocates() || xa_is_zero(e) || !e || (!NEW && last - first < 2 * size))
			break;
		r = mtree_alloc_rrange(&tree, &id, e, size, first, last, GFP_KERNEL);
		add("alloc rev", r);
		add(" at", id);
		break;
#if NEW
	case 12:
		mas_lock(&mas);
		add("preallocate", mas_preallocate(&mas, e, GFP_KERNEL));
		mas_store_prealloc(&mas, e);
		add(" index", mas.index);
		add(" last", mas.last);
		mas_unlock(&mas);
		break;
	case 13:
		if (!(tree.ma_flags & MT_FLAGS_ALLOC_RANGE) || xa_is_zero(e) || !e)
			break;
		r = mtree_alloc_cyclic(&tree, &id, e, first, last, &size, GFP_KERNEL);
		add("cyclic", r);
		add(" at", id);
		add(" next", size);
		break;
#endif
	}
}

static void query(int op, unsigned long first, unsigned long last)
{
	MA_STATE(mas, &tree, first, first);
	unsigned long index = first, size = 1 + rnd() % 30;
	void *e;
	int i, r, n = 1 + rnd() % 6;

	rcu_read_lock();
	switch (op) {
	case 0: case 1: case 2:
		add("load", entry_of(mtree_load(&tree, first)));
		break;
	case 3:
		e = mt_find(&tree, &index, last);
		add("find", entry_of(e));
		add(" index", index);
		add("after", entry_of(mt_find_after(&tree, &index, last)));
		break;
	case 4:
		add("mt_next", entry_of(mt_next(&tree, first, last)));
		break;
	case 5:
		add("mt_prev", entry_of(mt_prev(&tree, last, first)));
		break;
	case 6:
		add("walk", entry_of(mas_walk(&mas)));
		add(" index", mas.index);
		add(" last", mas.last);
		break;
	case 7:
		for (i = 0; i < n; i++) {
			e = mas_find(&mas, last);
			add_at("mas_find", &mas, e);
			if (!e)
				break;
			if (i % 3 == 2)
				mas_pause(&mas);
		}
		break;
	case 8:
		mas_set(&mas, last);
		for (i = 0; i < n; i++) {
			e = mas_find_rev(&mas, first);
			add_at("mas_find_rev", &mas, e);
			if (!e)
				break;
		}
		break;
	case 9:
		for (i = 0; i < n; i++) {
			e = mas_next(&mas, last);
			add_at("mas_next", &mas, e);
			if (!e)
				break;
		}
		break;
	case 10:
		mas_set(&mas, last);
		for (i = 0; i < n; i++) {
			e = mas_prev(&mas, first);
			add_at("mas_prev", &mas, e);
			if (!e)
				break;
		}
		break;
	case 11: case 12:
		// Without gaps in its nodes a tree that is more than one is not searched.
		if (last - first < size || !(tree.ma_flags & MT_FLAGS_ALLOC_RANGE))
			break;
		r = op == 11 ? mas_empty_area(&mas, first, last, size) : mas_empty_area_rev(&mas, first, last, size);
		add("area", r);
		if (!r) {
			add(" index", mas.index);
			add(" last", mas.last);
		}
		break;
#if NEW
	case 13:
		for (i = 0; i < n; i++) {
			e = mas_next_range(&mas, last);
			add("next range", entry_of(e));
			add(" index", mas.index);
			add(" last", mas.last);
			add(" status", mas.status);
		}
		for (i = 0; i < n; i++) {
			e = mas_prev_range(&mas, first);
			add("prev range", entry_of(e));
			add(" index", mas.index);
			add(" last", mas.last);
			add(" status", mas.status);
		}
		break;
	case 14:
		for (i = 0; i < n; i++) {
			e = mas_find_range(&mas, last);
			add("find range", entry_of(e));
			add(" index", mas.index);
			add(" last", mas.last);
			add(" status", mas.status);
		}
		for (i = 0; i < n; i++) {
			e = mas_find_range_rev(&mas, first);
			add("find range rev", entry_of(e));
			add(" index", mas.index);
			add(" last", mas.last);
			add(" status", mas.status);
		}
		break;
	case 15:
		for (i = 0; i < 2 * n; i++) {
			e = rnd() % 2 ? mas_next(&mas, last) : mas_prev(&mas, first);
			add("to and fro", entry_of(e));
			add(" index", mas.index);
			add(" last", mas.last);
			add(" status", mas.status);
		}
		break;
#endif
	}
	rcu_read_unlock();
}

static void chance(const char *what, unsigned int flags, unsigned long space, unsigned long longest, int rounds)
{
	unsigned long first, last;
	int i, k;

	mt_init_flags(&tree, flags);
	many_there = flags & MT_FLAGS_ALLOC_RANGE && space < 10000;
	if (many_there)
		many();
	rng = 0x9e3779b97f4a7c15ULL + flags + space;
	sum = 0;
	for (i = 0; i < rounds; i++) {
		for (k = 0; k < 1000; k++) {
			int op = rnd() >> 33 & 31;

			first = place(space);
			last = first + rnd() % longest;
			if (last < first)
				last = ULONG_MAX;
			if (trace)
				say("%s %d %d: %d %lx-%lx", what, i, k, op, first, last);
			if (op < 16)
				modify(op, first, last);
			else
				query(op - 16, first, last);
		}
		say("%s %d: %08x %08x empty %d", what, i, (u32)(sum >> 32), (u32)sum, mtree_empty(&tree));
		if (i % 8 == 7 && !many_there)
			mtree_store_range(&tree, 0, ULONG_MAX, NULL, GFP_KERNEL);
	}
	mtree_destroy(&tree);
}

static int __init lkmt_init(void)
{
	plain();
	mt_init(&tree);
	small_walks();
	prepare(0);
	walks();
	areas();
	stores();
	prepare(MT_FLAGS_ALLOC_RANGE);
	areas();
	stores();
	alloc_first();
#if NEW
	cyclic();
#endif
	chance("small", 0, 60, 10, 16);
	chance("dense", 0, 2000, 40, 48);
	chance("wide", 0, 1UL << 40, 1UL << 34, 48);
	chance("gaps", MT_FLAGS_ALLOC_RANGE, 3000, 60, 48);
	chance("rcu", MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU, 50000, 200, 48);
	return 0;
}
module_init(lkmt_init);
static void __exit lkmt_exit(void) { }
module_exit(lkmt_exit);
MODULE_LICENSE("Dual MIT/GPL");
