// Fragments of pages: taken from the end of a run, each a reference.
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>

static struct page_frag_cache cache;

static int __init fr_in(void)
{
	char *p[40];
	int i, down = 1, clear = 0;
	struct page *page;

	for (i = 0; i < 3; i++) {
		p[i] = page_frag_alloc(&cache, 1000, GFP_KERNEL);
		memset(p[i], i, 1000);
		if (i && p[i] != p[i - 1] - 1000)
			down = 0;
	}
	page = virt_to_head_page(p[0]);
	pr_info("fr: down %d order %d same page %d\n", down, compound_order(page), virt_to_head_page(p[2]) == page);
	pr_info("fr: distinct %d %d %d\n", p[0][999], p[1][0], p[2][999]);
	p[3] = page_frag_alloc_align(&cache, 100, GFP_KERNEL, 64);
	pr_info("fr: aligned %d below %d\n", IS_ALIGNED((unsigned long)p[3], 64), p[3] < p[2]);
	for (i = 4; i < 40; i++) {
		p[i] = page_frag_alloc(&cache, 1500, GFP_KERNEL);
		clear += p[i] != NULL;
	}
	pr_info("fr: more %d other page %d\n", clear, virt_to_head_page(p[39]) != page);
	for (i = 0; i < 40; i++)
		page_frag_free(p[i]);
	__page_frag_cache_drain(virt_to_head_page(p[39]), cache.pagecnt_bias);
	pr_info("fr: done\n");
	return 0;
}
static void __exit fr_out(void) { }
module_init(fr_in); module_exit(fr_out);
MODULE_LICENSE("GPL");
