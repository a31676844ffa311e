// Pages: allocation, the arithmetic between pages and addresses, references, compound pages, splitting.
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/io.h>

static bool clear(const void *p, size_t n) { return !memchr_inv(p, 0, n); }

static void orders(void)
{
	int order;

	for (order = 0; order <= 10; order++) {
		unsigned long a = __get_free_pages(GFP_KERNEL | __GFP_ZERO, order);
		struct page *p = virt_to_page((void *)a);

		pr_info("pg: order %d got %d aligned %d clear %d same page %d pfn %d count %d compound %d\n", order, a != 0,
			IS_ALIGNED(a, PAGE_SIZE << order), clear((void *)a, PAGE_SIZE << order), page_address(p) == (void *)a,
			page_to_pfn(p) == __pa(a) >> PAGE_SHIFT, page_count(p), PageCompound(p));
		free_pages(a, order);
	}
	pr_info("pg: order 11 %d\n", __get_free_pages(GFP_KERNEL | __GFP_NOWARN, 11) != 0);
}

static void compound(void)
{
	struct page *p = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
	struct folio *f = page_folio(p + 3);

	pr_info("pg: head %d tail %d order %u size %lu nr %ld\n", PageHead(p), PageTail(p + 3), compound_order(p), page_size(p), folio_nr_pages(f));
	pr_info("pg: head of tail %d address %d\n", compound_head(p + 3) == p, page_address(p + 3) == page_address(p) + 3 * PAGE_SIZE);
	get_page(p + 2);
	pr_info("pg: count after get of a tail %d\n", page_count(p));
	put_page(p + 1);
	pr_info("pg: count after put %d\n", page_count(p));
	__free_pages(p, 2);
	f = folio_alloc(GFP_KERNEL, 1);
	pr_info("pg: folio order %u refs %d\n", folio_order(f), folio_ref_count(f));
	folio_put(f);
}

static void references(void)
{
	struct page *p = alloc_page(GFP_KERNEL);
	char *m;

	pr_info("pg: count %d mapped %d locked %d private %d slab %d\n", page_count(p), page_mapped(p), PageLocked(p), PagePrivate(p), PageSlab(p));
	get_page(p);
	__free_page(p);
	pr_info("pg: freed once, count %d\n", page_count(p));
	m = kmap(p);
	strcpy(m, "kept");
	kunmap(p);
	m = kmap_local_page(p);
	pr_info("pg: still there: %s\n", m);
	kunmap_local(m);
	m = kmap_atomic(p);
	pr_info("pg: atomic %d\n", m == page_address(p));
	kunmap_atomic(m);
	set_page_private(p, 77);
	pr_info("pg: private value %lu\n", page_private(p));
	set_page_private(p, 0);
	put_page(p);
	p = alloc_page(GFP_KERNEL | __GFP_ZERO);
	clear_highpage(p);
	memset(page_address(p), 7, PAGE_SIZE);
	m = (char *)get_zeroed_page(GFP_KERNEL);
	copy_page(m, page_address(p));
	pr_info("pg: copied %d\n", !memchr_inv(m, 7, PAGE_SIZE));
	free_page((unsigned long)m);
	__free_page(p);
}

static void splitting(void)
{
	struct page *p = alloc_pages(GFP_KERNEL, 2);
	int i;

	pr_info("pg: not compound %d counts %d %d\n", !PageCompound(p), page_count(p), page_count(p + 1));
	split_page(p, 2);
	for (i = 0; i < 4; i++)
		pr_info("pg: split %d count %d\n", i, page_count(p + i));
	for (i = 3; i >= 0; i--)
		__free_page(p + i);
}

static void exact(void)
{
	char *a = alloc_pages_exact(5 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);

	pr_info("pg: exact %d clear %d counts %d %d\n", a != NULL, clear(a, 5 * PAGE_SIZE), page_count(virt_to_page(a)), page_count(virt_to_page(a + 4 * PAGE_SIZE)));
	free_pages_exact(a, 5 * PAGE_SIZE);
}

static void bulk(void)
{
	struct page *pages[6] = { NULL };
	unsigned long got = alloc_pages_bulk_array(GFP_KERNEL, 6, pages);
	int i;

	pr_info("pg: bulk %lu\n", got);
	for (i = 0; i < 6; i++)
		if (pages[i])
			__free_page(pages[i]);
}

static void of_kmalloc(void)
{
	char *small = kmalloc(100, GFP_KERNEL), *large = kmalloc(20000, GFP_KERNEL);
	struct page *p = virt_to_head_page(small);

	pr_info("pg: kmalloc memory is slab %d inside %d\n", PageSlab(p), (char *)page_address(p) <= small && small < (char *)page_address(p) + page_size(p));
	p = virt_to_head_page(large + 10000);
	pr_info("pg: large is slab %d head %d order %u starts %d\n", PageSlab(p), PageHead(p), compound_order(p), page_address(p) == large);
	pr_info("pg: valid %d %d\n", virt_addr_valid(small), virt_addr_valid(large));
	pr_info("pg: not valid %d %d\n", virt_addr_valid(NULL), virt_addr_valid((void *)of_kmalloc));
	pr_info("pg: phys %d\n", __va(virt_to_phys(small)) == small && phys_to_virt(virt_to_phys(large)) == large);
	kfree(small);
	kfree(large);
}

static int __init pg_in(void)
{
	orders();
	compound();
	references();
	splitting();
	exact();
	bulk();
	of_kmalloc();
	__free_pages(alloc_pages(GFP_ATOMIC, 0), 0);
	free_page(0);
	pr_info("pg: zero page %d\n", clear(page_address(ZERO_PAGE(0)), PAGE_SIZE));
	return 0;
}
static void __exit pg_out(void) { }
module_init(pg_in); module_exit(pg_out);
MODULE_LICENSE("GPL");
