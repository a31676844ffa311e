// iov_iter over kernel memory and pages: copying, zeroing, going on and back, counting.
#include <linux/module.h>
#include <linux/uio.h>
#include <linux/bvec.h>
#include <linux/slab.h>
#include <linux/mm.h>

static char a[16], b[16], c[16], out[128];
static struct kvec kv[3] = { { a, 10 }, { b, 5 }, { c, 16 } };
static int __init ii_in(void)
{
	struct iov_iter i, dup;
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct bio_vec bv[2] = { { page, 8, 100 }, { page, 20, 4000 } };
	const void *array;
	size_t n;

	iov_iter_kvec(&i, READ, kv, 3, 31);
	pr_info("ii: count %zu seg %zu rw %d kvec %d\n", iov_iter_count(&i), iov_iter_single_seg_count(&i), iov_iter_rw(&i), iov_iter_is_kvec(&i));
	n = copy_to_iter("0123456789abcdefghij", 20, &i);
	pr_info("ii: copied %zu left %zu seg %zu: %.10s %.5s %.5s\n", n, iov_iter_count(&i), iov_iter_single_seg_count(&i), a, b, c);
	iov_iter_revert(&i, 12);
	pr_info("ii: back, left %zu seg %zu\n", iov_iter_count(&i), iov_iter_single_seg_count(&i));
	n = copy_to_iter("XYZ", 3, &i);
	iov_iter_advance(&i, 4);
	n += copy_to_iter("+++", 3, &i);
	pr_info("ii: on %zu left %zu: %.10s %.5s %.6s\n", n, iov_iter_count(&i), a, b, c);
	iov_iter_revert(&i, 31 - iov_iter_count(&i));
	pr_info("ii: start, left %zu seg %zu\n", iov_iter_count(&i), iov_iter_single_seg_count(&i));
	n = copy_to_iter(out, 90, &i);
	pr_info("ii: too much %zu left %zu seg %zu\n", n, iov_iter_count(&i), iov_iter_single_seg_count(&i));
	memcpy(a, "one two three", 13);
	memcpy(b, "four five six", 13);
	iov_iter_kvec(&i, WRITE, kv, 3, 14);
	array = dup_iter(&dup, &i, GFP_KERNEL);
	memset(out, 0, sizeof(out));
	n = copy_from_iter(out, sizeof(out), &i);
	pr_info("ii: from %zu '%s' left %zu\n", n, out, iov_iter_count(&i));
	memset(out, 0, sizeof(out));
	pr_info("ii: full %d", copy_from_iter_full(out, 12, &dup));
	pr_cont(" '%s' left %zu not full %d left %zu\n", out, iov_iter_count(&dup), copy_from_iter_full(out, 12, &dup), iov_iter_count(&dup));
	kfree(array);
	iov_iter_kvec(&i, READ, kv, 3, 31);
	iov_iter_advance(&i, 8);
	pr_info("ii: zero %zu", iov_iter_zero(4, &i));
	pr_cont(" %d %d %d %d\n", a[7], a[8], b[1], b[2]);
	iov_iter_truncate(&i, 5);
	pr_info("ii: truncated %zu pages %d", iov_iter_count(&i), iov_iter_npages(&i, 100));
	iov_iter_reexpand(&i, 10);
	pr_cont(" expanded %zu\n", iov_iter_count(&i));
	iov_iter_bvec(&i, READ, bv, 2, 28);
	pr_info("ii: bvec seg %zu pages %d align %lx\n", iov_iter_single_seg_count(&i), iov_iter_npages(&i, 100), iov_iter_alignment(&i));
	n = copy_to_iter("the quick brown fox jumps", 25, &i);
	pr_info("ii: in pages %zu left %zu: %.8s %.17s\n", n, iov_iter_count(&i), (char *)page_address(page) + 100, (char *)page_address(page) + 4000);
	iov_iter_bvec(&i, WRITE, bv, 2, 28);
	memset(out, 0, sizeof(out));
	n = copy_from_iter(out, 12, &i);
	pr_info("ii: from pages %zu '%s' left %zu seg %zu\n", n, out, iov_iter_count(&i), iov_iter_single_seg_count(&i));
	iov_iter_kvec(&i, READ, kv, 1, 10);
	n = copy_page_to_iter(page, 104, 6, &i);
	pr_info("ii: page %zu '%.4s' left %zu\n", n, a, iov_iter_count(&i));
	iov_iter_kvec(&i, WRITE, kv, 1, 10);
	n = copy_page_from_iter(page, 0, 20, &i);
	pr_info("ii: to a page %zu '%.4s'\n", n, (char *)page_address(page));
	iov_iter_discard(&i, READ, 50);
	n = copy_to_iter(out, 30, &i);
	pr_info("ii: discard %zu left %zu pages %d\n", n, iov_iter_count(&i), iov_iter_npages(&i, 9));
	iov_iter_kvec(&i, READ, kv, 0, 0);
	pr_info("ii: nothing %zu pages %d seg %zu\n", copy_to_iter(out, 3, &i), iov_iter_npages(&i, 9), iov_iter_single_seg_count(&i));
	__free_page(page);
	return 0;
}
static void __exit ii_out(void) { }
module_init(ii_in); module_exit(ii_out);
MODULE_LICENSE("Dual MIT/GPL");
