// iov_iter over the pages of an XArray and, where there is one, a queue of folios: copying, going on and back, counting.
#include <linux/module.h>
#include <linux/version.h>
#include <linux/uio.h>
#include <linux/xarray.h>
#include <linux/mm.h>
#include <linux/slab.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/folio_queue.h>
#endif

#define say(fmt, ...) pr_info("if: " fmt "\n", ##__VA_ARGS__)

static DEFINE_XARRAY(pages);
static struct page *small[3], *large;
static char *in, *out;

static unsigned int sum(const char *p, size_t n)
{
	unsigned int s = 17;

	while (n--)
		s = s * 31 + (unsigned char)*p++;
	return s;
}

static void all(const char *what)
{
	say("%s: %08x %08x %08x %08x", what, sum(page_address(small[0]), 4096), sum(page_address(small[1]), 4096),
	    sum(page_address(small[2]), 4096), sum(page_address(large), 16384));
}

static void state(const char *what, size_t n, struct iov_iter *i)
{
	say("%s: %zu, left %zu offset %zu seg %zu pages %d %d alignment %lx aligned %d %d", what, n, iov_iter_count(i), i->iov_offset,
	    iov_iter_single_seg_count(i), iov_iter_npages(i, 100), iov_iter_npages(i, 2), iov_iter_alignment(i),
	    iov_iter_is_aligned(i, 511, 0), iov_iter_is_aligned(i, 0, 511));
}

static void copies(struct iov_iter *to, struct iov_iter *from)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct iov_iter copy;
	const void *array;
	size_t n;

	state("new", 0, to);
	n = copy_to_iter(in, 3000, to);
	state("to", n, to);
	n = copy_to_iter(in + 100, 9000, to);
	state("to", n, to);
	iov_iter_revert(to, 7000);
	state("back", 0, to);
	iov_iter_advance(to, 2500);
	state("on", 0, to);
	n = iov_iter_zero(1000, to);
	state("zero", n, to);
	n = copy_page_to_iter(virt_to_page(in), 50, 4000, to);
	state("page", n, to);
	n = copy_to_iter(in, 20000, to);
	state("too much", n, to);
	all("pages");
	array = dup_iter(&copy, from, GFP_KERNEL);
	say("dup %d", !!array);
	n = copy_from_iter(out, 5000, from);
	state("from", n, from);
	say("got %08x", sum(out, n));
	n = copy_page_from_iter(page, 10, 4000, from);
	state("page", n, from);
	say("got %08x", sum(page_address(page), 4096));
	say("full %d", copy_from_iter_full(out, 30000, from));
	n = copy_from_iter(out, 30000, from);
	state("rest", n, from);
	say("got %08x", sum(out, n));
	say("full %d %08x", copy_from_iter_full(out, 9000, &copy), sum(out, 9000));
	state("copy", 0, &copy);
	__free_page(page);
}

static int __init lkif_init(void)
{
	struct iov_iter to, from;
	int i;

	in = kmalloc(32768, GFP_KERNEL);
	out = kzalloc(32768, GFP_KERNEL);
	for (i = 0; i < 32768; i++)
		in[i] = i * 7 + i / 251;
	for (i = 0; i < 3; i++)
		small[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	large = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, 2);
	for (i = 0; i < 3; i++)
		xa_store(&pages, 13 + i, small[i], GFP_KERNEL);
	xa_store_range(&pages, 16, 19, large, GFP_KERNEL);
	iov_iter_xarray(&to, READ, &pages, 13 * 4096 + 700, 26000);
	iov_iter_xarray(&from, WRITE, &pages, 14 * 4096 + 4000, 18000);
	say("xarray %d discard %d rw %d", iov_iter_is_xarray(&to), iov_iter_is_discard(&to), iov_iter_rw(&from));
	copies(&to, &from);
	iov_iter_xarray(&to, READ, &pages, 16 * 4096 + 5000, 9000);
	state("inside a large one", copy_to_iter(in, 8000, &to), &to);
	all("pages");
	iov_iter_xarray(&to, READ, &pages, 19 * 4096, 9000);
	state("end", copy_to_iter(in, 8000, &to), &to);
	iov_iter_discard(&to, READ, 500);
	state("discard", copy_to_iter(in, 300, &to), &to);
	state("zero", iov_iter_zero(300, &to), &to);
	iov_iter_revert(&to, 450);
	state("back", 0, &to);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	{
		struct folio_queue *q = kzalloc(2 * sizeof(*q), GFP_KERNEL);

		folioq_init(&q[0], 1);
		folioq_init(&q[1], 1);
		while (folioq_count(&q[0]) < folioq_nr_slots(&q[0]) - 1)
			folioq_append(&q[0], page_folio(small[0]));
		folioq_append(&q[0], page_folio(small[1]));
		folioq_append(&q[1], page_folio(large));
		folioq_append(&q[1], page_folio(small[2]));
		q[0].next = &q[1];
		q[1].prev = &q[0];
		i = folioq_nr_slots(&q[0]) - 2;
		iov_iter_folio_queue(&to, READ, &q[0], i, 700, 26000);
		iov_iter_folio_queue(&from, WRITE, &q[0], i + 1, 4000, 18000);
		say("queue %d", iov_iter_is_folioq(&to));
		copies(&to, &from);
		kfree(q);
	}
#endif
	xa_destroy(&pages);
	for (i = 0; i < 3; i++)
		__free_page(small[i]);
	__free_pages(large, 2);
	kfree(in);
	kfree(out);
	return 0;
}
module_init(lkif_init);
static void __exit lkif_exit(void) { }
module_exit(lkif_exit);
MODULE_LICENSE("Dual MIT/GPL");
