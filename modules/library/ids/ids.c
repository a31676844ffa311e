// Ids with pointers and without, reference counts.
#include <linux/module.h>
#include <linux/idr.h>
#include <linux/refcount.h>

#define say(fmt, ...) pr_info("id: " fmt "\n", ##__VA_ARGS__)

static DEFINE_IDR(idr);
static DEFINE_IDA(ida);
static int things[8];

static int each(int id, void *p, void *data)
{
	say("each %d %td", id, (int *)p - things);
	return id == 12;
}

static int __init ids_init(void)
{
	refcount_t count = REFCOUNT_INIT(2);
	unsigned long wide;
	u32 id;
	int i, next;
	void *p;

	say("%d %d", idr_alloc(&idr, &things[0], 0, 0, GFP_KERNEL), idr_alloc(&idr, &things[1], 10, 12, GFP_KERNEL));
	say("%d", idr_alloc(&idr, &things[2], 10, 12, GFP_KERNEL));
	say("%d", idr_alloc(&idr, &things[3], 10, 12, GFP_KERNEL));
	id = 12;
	say("%d %u", idr_alloc_u32(&idr, &things[4], &id, 100, GFP_KERNEL), id);
	say("%d", idr_alloc(&idr, NULL, 20, 0, GFP_KERNEL));
	say("find %td %d %d", (int *)idr_find(&idr, 11) - things, !!idr_find(&idr, 20), !!idr_find(&idr, 13));
	say("for_each %d", idr_for_each(&idr, each, NULL));
	idr_for_each_entry(&idr, p, i)
		say("entry %d %td", i, (int *)p - things);
	next = 11;
	p = idr_get_next(&idr, &next);
	say("next %d %td", next, (int *)p - things);
	wide = 13;
	say("beyond %d", !!idr_get_next_ul(&idr, &wide));
	p = idr_replace(&idr, &things[5], 11);
	say("replace %td %ld", (int *)p - things, PTR_ERR(idr_replace(&idr, &things[5], 15)));
	p = idr_remove(&idr, 11);
	say("remove %td %d", (int *)p - things, !!idr_remove(&idr, 11));
	for (i = 0; i < 4; i++)
		say("cyclic %d", idr_alloc_cyclic(&idr, &things[6], 30, 33, GFP_KERNEL));
	idr_remove(&idr, 31);
	say("cyclic %d", idr_alloc_cyclic(&idr, &things[6], 30, 33, GFP_KERNEL));
	idr_preload(GFP_KERNEL);
	say("preloaded %d", idr_alloc(&idr, &things[7], 40, 0, GFP_NOWAIT));
	idr_preload_end();
	say("empty %d", idr_is_empty(&idr));
	idr_destroy(&idr);
	say("empty %d", idr_is_empty(&idr));

	say("ida %d %d", ida_alloc(&ida, GFP_KERNEL), ida_alloc(&ida, GFP_KERNEL));
	say("ida %d %d", ida_alloc_min(&ida, 1000, GFP_KERNEL), ida_alloc_max(&ida, 2, GFP_KERNEL));
	say("ida %d", ida_alloc_max(&ida, 2, GFP_KERNEL));
	ida_free(&ida, 1);
	say("ida %d", ida_alloc(&ida, GFP_KERNEL));
	for (i = 0, next = 0; i < 5000; i++)
		next = ida_alloc_min(&ida, 1000, GFP_KERNEL);
	say("ida %d empty %d", next, ida_is_empty(&ida));
	say("ida %d", ida_alloc_range(&ida, 1000, 3000, GFP_KERNEL));
	ida_destroy(&ida);
	say("empty %d", ida_is_empty(&ida));

	say("refs %d %d %d", refcount_dec_not_one(&count), refcount_dec_not_one(&count), refcount_dec_if_one(&count));
	say("now %u", refcount_read(&count));
	return 0;
}
module_init(ids_init);
static void __exit ids_exit(void) { }
module_exit(ids_exit);
MODULE_LICENSE("Dual MIT/GPL");
