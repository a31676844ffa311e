// vmalloc and mappings of pages: sizes, aliases, what is such an address, wrong frees.
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <linux/slab.h>
#include <linux/mm.h>

static bool clear(const void *p, size_t n) { return !memchr_inv(p, 0, n); }

static void aliases(void)
{
	char *v = vmalloc(3 * PAGE_SIZE), *a;
	struct page *p = vmalloc_to_page(v + PAGE_SIZE + 17);

	strcpy(v + PAGE_SIZE, "seen twice");
	a = page_address(p);
	pr_info("vm: alias %s\n", a);
	strcpy(a, "and back");
	pr_info("vm: %s pfn %d count %d\n", v + PAGE_SIZE, vmalloc_to_pfn(v + PAGE_SIZE) == page_to_pfn(p), page_count(p));
	pr_info("vm: area %d %d %d kmalloc %d null %d\n", is_vmalloc_addr(v), is_vmalloc_addr(v + 3 * PAGE_SIZE - 1), is_vmalloc_addr(a),
		is_vmalloc_addr(kmalloc_caches), is_vmalloc_addr(NULL));
	pr_info("vm: virt_addr_valid %d\n", virt_addr_valid(v));
	vfree(v);
}

static void mappings(void)
{
	struct page *pages[4];
	char *m;
	int i;

	for (i = 0; i < 4; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		*(int *)page_address(pages[i]) = 100 + i;
	}
	swap(pages[0], pages[3]);
	m = vmap(pages, 4, VM_MAP, PAGE_KERNEL);
	pr_info("vm: vmap %d %d %d %d\n", *(int *)m, *(int *)(m + PAGE_SIZE), *(int *)(m + 2 * PAGE_SIZE), *(int *)(m + 3 * PAGE_SIZE));
	*(int *)m = 7;
	pr_info("vm: written %d aligned %d area %d\n", *(int *)page_address(pages[0]), PAGE_ALIGNED(m), is_vmalloc_addr(m));
	pr_info("vm: page of %d\n", vmalloc_to_page(m + PAGE_SIZE) == pages[1]);
	vunmap(m);
	m = vm_map_ram(pages, 4, NUMA_NO_NODE);
	pr_info("vm: ram %d\n", *(int *)(m + PAGE_SIZE));
	vm_unmap_ram(m, 4);
	for (i = 0; i < 4; i++) {
		pr_info("vm: count %d\n", page_count(pages[i]));
		__free_page(pages[i]);
	}
}

static void family(void)
{
	char *v;

	v = vzalloc(100); pr_info("vm: vzalloc %d\n", clear(v, PAGE_SIZE)); vfree(v);
	v = vzalloc_node(100, 0); pr_info("vm: vzalloc_node %d\n", clear(v, 100)); vfree(v);
	v = vmalloc_node(100, NUMA_NO_NODE); pr_info("vm: vmalloc_node %d\n", v != NULL); vfree(v);
	v = vmalloc_user(5000); pr_info("vm: vmalloc_user %d\n", clear(v, 2 * PAGE_SIZE)); vfree(v);
	v = vmalloc_32(5000); pr_info("vm: vmalloc_32 %d\n", v != NULL); vfree(v);
	v = __vmalloc(9 << 20, GFP_KERNEL | __GFP_ZERO); pr_info("vm: 9 MiB %d\n", clear(v, 9 << 20)); vfree(v);
	v = vcalloc(300, 20); pr_info("vm: vcalloc %d\n", clear(v, 6000)); vfree(v);
	v = kvmalloc(30, GFP_KERNEL); pr_info("vm: kv 30 %d\n", is_vmalloc_addr(v)); kvfree(v);
	v = kvmalloc(9 << 20, GFP_KERNEL); pr_info("vm: kv 9 MiB %d\n", is_vmalloc_addr(v)); kvfree(v);
	v = kvcalloc(10, 10, GFP_KERNEL); pr_info("vm: kvcalloc %d\n", clear(v, 100)); kvfree_sensitive(v, 100);
	pr_info("vm: kvmalloc_array too much %d\n", kvmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL) != NULL);
	pr_info("vm: kv 0 %d\n", ZERO_OR_NULL_PTR(kvmalloc(0, GFP_KERNEL)));
	vfree(NULL); kvfree(NULL); vunmap(NULL);
}

static int __init vm_in(void)
{
	aliases();
	mappings();
	family();
	return 0;
}
static void __exit vm_out(void) { }
module_init(vm_in); module_exit(vm_out);
MODULE_LICENSE("GPL");
