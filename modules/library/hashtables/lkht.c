// rhashtable and rhltable: inserting, finding, growing and shrinking, walking, ending.
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/delay.h>

struct obj { struct rhash_head node; u32 key; int n; };
struct lobj { struct rhlist_head node; u32 key; int n; };
static const struct rhashtable_params params = {
	.head_offset = offsetof(struct obj, node), .key_offset = offsetof(struct obj, key), .key_len = sizeof(u32),
	.automatic_shrinking = true,
};
static const struct rhashtable_params lparams = {
	.head_offset = offsetof(struct lobj, node), .key_offset = offsetof(struct lobj, key), .key_len = sizeof(u32),
};
static u32 bad_hash(const void *data, u32 len, u32 seed) { return 5; }
static int cmp(struct rhashtable_compare_arg *arg, const void *obj) { return *(u32 *)arg->key != ((struct obj *)obj)->key; }
static u32 obj_hash(const void *data, u32 len, u32 seed) { return ((struct obj *)data)->key * 31 + seed; }
static u32 key_hash(const void *data, u32 len, u32 seed) { return *(u32 *)data * 31 + seed; }
static const struct rhashtable_params own = {
	.head_offset = offsetof(struct obj, node), .key_len = sizeof(u32),
	.hashfn = key_hash, .obj_hashfn = obj_hash, .obj_cmpfn = cmp, .max_size = 64, .min_size = 8,
};
static struct rhashtable ht;
static struct rhltable hlt;
static struct obj *objs;
static int freed;
static void give(void *p, void *arg) { freed += *(int *)arg; }
#define N 3000
static int walk(int *sum)
{
	struct rhashtable_iter iter;
	struct obj *o;
	int n = 0;

	*sum = 0;
	rhashtable_walk_enter(&ht, &iter);
	do {
		rhashtable_walk_start(&iter);
		while ((o = rhashtable_walk_next(&iter)) && !IS_ERR(o)) {
			n++;
			*sum += o->n;
			if (n % 100 == 0) {
				rhashtable_walk_stop(&iter);
				cond_resched();
				rhashtable_walk_start(&iter);
			}
		}
		rhashtable_walk_stop(&iter);
	} while (o == ERR_PTR(-EAGAIN));
	rhashtable_walk_exit(&iter);
	return n;
}
static int __init ht_in(void)
{
	struct rhashtable_params p = params;
	struct rhlist_head *list, *pos;
	static struct lobj l[6];
	struct lobj *lo;
	int i, found = 0, sum, one = 1, n;
	u32 key;

	objs = kvcalloc(N, sizeof(*objs), GFP_KERNEL);
	p.key_len = 0;
	pr_info("ht: without a key %d\n", rhashtable_init(&ht, &p));
	p = own;
	p.obj_cmpfn = NULL;
	pr_info("ht: without a comparison %d\n", rhashtable_init(&ht, &p));
	pr_info("ht: init %d size %u\n", rhashtable_init(&ht, &params), rcu_dereference_raw(ht.tbl)->size);
	for (i = 0; i < N; i++) {
		objs[i].key = i * 3;
		objs[i].n = i;
		if (rhashtable_insert_fast(&ht, &objs[i].node, params))
			pr_info("ht: insert %d failed\n", i);
	}
	msleep(100);
	pr_info("ht: elements %d size %u\n", atomic_read(&ht.nelems), rcu_dereference_raw(ht.tbl)->size);
	for (key = 0; key < 3 * N; key++) {
		struct obj *o = rhashtable_lookup_fast(&ht, &key, params);

		found += o && o->key == key;
	}
	pr_info("ht: found %d\n", found);
	pr_info("ht: again %d", rhashtable_lookup_insert_fast(&ht, &objs[7].node, params));
	pr_cont(" get %d\n", rhashtable_lookup_get_insert_fast(&ht, &objs[7].node, params) == &objs[7]);
	n = walk(&sum);
	pr_info("ht: walked %d sum %d\n", n, sum);
	for (i = 10; i < N; i++)
		found -= !rhashtable_remove_fast(&ht, &objs[i].node, params);
	pr_info("ht: removed, left %d %d again %d\n", found, atomic_read(&ht.nelems), rhashtable_remove_fast(&ht, &objs[50].node, params));
	msleep(100);
	pr_info("ht: small %d\n", rcu_dereference_raw(ht.tbl)->size < 4096);
	n = walk(&sum);
	pr_info("ht: walked %d sum %d\n", n, sum);
	rhashtable_free_and_destroy(&ht, give, &one);
	pr_info("ht: freed %d\n", freed);
	p = params;
	p.hashfn = bad_hash;
	pr_info("ht: bad hash init %d\n", rhashtable_init(&ht, &p));
	for (i = 0, n = 0; i < 12; i++)
		n += rhashtable_insert_fast(&ht, &objs[i].node, p) == 0;
	key = 9;
	pr_info("ht: bad hash took %d found %d\n", n, rhashtable_lookup_fast(&ht, &key, p) == &objs[3]);
	rhashtable_destroy(&ht);
	pr_info("ht: own init %d", rhashtable_init(&ht, &own));
	for (i = 0, n = 0; i < 200; i++) {
		objs[i].key = i;
		n += rhashtable_lookup_insert_key(&ht, &objs[i].key, &objs[i].node, own) == 0;
	}
	msleep(50);
	key = 77;
	pr_cont(" took %d size %u found %d replace %d\n", n, rcu_dereference_raw(ht.tbl)->size,
		rhashtable_lookup_fast(&ht, &key, own) == &objs[77], rhashtable_lookup_insert_key(&ht, &key, &objs[77].node, own));
	rhashtable_destroy(&ht);
	pr_info("ht: lists %d\n", rhltable_init(&hlt, &lparams));
	for (i = 0; i < 6; i++) {
		l[i].key = i / 3;
		l[i].n = i;
		rhltable_insert(&hlt, &l[i].node, lparams);
	}
	key = 1;
	rcu_read_lock();
	list = rhltable_lookup(&hlt, &key, lparams);
	n = 0;
	rhl_for_each_entry_rcu(lo, pos, list, node)
		n = n * 10 + lo->n;
	rcu_read_unlock();
	pr_info("ht: list %d of %d remove %d", n, atomic_read(&hlt.ht.nelems), rhltable_remove(&hlt, &l[4].node, lparams));
	rcu_read_lock();
	list = rhltable_lookup(&hlt, &key, lparams);
	n = 0;
	rhl_for_each_entry_rcu(lo, pos, list, node)
		n = n * 10 + lo->n;
	rcu_read_unlock();
	freed = 0;
	rhltable_free_and_destroy(&hlt, give, &one);
	pr_cont(" then %d freed %d\n", n, freed);
	kvfree(objs);
	return 0;
}
static void __exit ht_out(void) { }
module_init(ht_in); module_exit(ht_out);
MODULE_LICENSE("GPL");
