// The kmalloc family: sizes, alignment, zeroing, growing, copies, overflow.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

static bool clear(const void *p, size_t n) { return !memchr_inv(p, 0, n); }
static bool is(const void *p, int v, size_t n) { return !memchr_inv(p, v, n); }

static void sizes(void)
{
	static const size_t list[] = { 0, 1, 8, 9, 64, 65, 96, 97, 129, 192, 193, 4096, 4097, 8192, 8193, 16384, 100000, 4 << 20 };
	size_t size;
	int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		pr_info("km: roundup %zu is %zu\n", list[i], kmalloc_size_roundup(list[i]));
	for (size = 8; size <= 65536; size *= 2) {
		void *a = kmalloc(size, GFP_KERNEL), *b = kmalloc(size, GFP_KERNEL);

		bad += !IS_ALIGNED((unsigned long)a, size) + !IS_ALIGNED((unsigned long)b, size);
		kfree(a); kfree(b);
	}
	pr_info("km: powers of two not aligned %d\n", bad);
	for (bad = 0, size = 1; size < 10000; size += 7) {
		char *a = kzalloc(size, GFP_KERNEL);

		bad += !clear(a, size) || ksize(a) != kmalloc_size_roundup(size);
		memset(a, 0xff, size);
		kfree(a);
	}
	pr_info("km: kzalloc bad %d\n", bad);
}

static void growing(void)
{
	char *p = kmalloc(10, GFP_KERNEL), *q;

	memset(p, 5, 10);
	q = krealloc(p, 16, GFP_KERNEL);
	pr_info("km: within the class %d\n", p == q);
	p = krealloc(q, 200, GFP_KERNEL | __GFP_ZERO);
	pr_info("km: grown keeps %d\n", is(p, 5, 10));
	q = krealloc(p, 20, GFP_KERNEL);
	pr_info("km: shrunk in place %d keeps %d\n", p == q, is(q, 5, 10));
	q = krealloc_array(q, 100, 10, GFP_KERNEL);
	pr_info("km: array %d\n", is(q, 5, 10));
	kfree(q);
	p = krealloc(ZERO_SIZE_PTR, 10, GFP_KERNEL | __GFP_ZERO);
	pr_info("km: from zero %d\n", clear(p, 10));
	kfree_sensitive(p);
	kfree_sensitive(NULL);
	pr_info("km: of zero %ld\n", (long)krealloc(NULL, 0, GFP_KERNEL));
}

static void arrays(void)
{
	volatile size_t many = SIZE_MAX / 4;
	int *a = kcalloc(10, sizeof(int), GFP_KERNEL);

	pr_info("km: kcalloc %d\n", clear(a, 40));
	kfree(a);
	pr_info("km: overflow %d %d %d %d\n", kcalloc(many, 5, GFP_KERNEL) == NULL, kmalloc_array(many, 5, GFP_KERNEL) == NULL,
		kmalloc_array_node(many, 5, GFP_KERNEL, 0) == NULL, krealloc_array(NULL, many, 5, GFP_KERNEL) == NULL);
	a = kcalloc_node(3, 4, GFP_KERNEL, 0);
	pr_info("km: node %d\n", clear(a, 12));
	kfree(a);
	a = kmalloc_node(64, GFP_KERNEL, NUMA_NO_NODE); kfree(a);
	a = kzalloc_node(9000, GFP_KERNEL, 0); pr_info("km: zeroed large node %d\n", clear(a, 9000)); kfree(a);
}

static void copies(void)
{
	static const char text[] = "twelve bytes";
	char *p;
	const char *c;

	p = kstrdup(text, GFP_KERNEL); pr_info("km: kstrdup %s %zu\n", p, ksize(p)); kfree(p);
	p = kstrndup(text, 6, GFP_KERNEL); pr_info("km: kstrndup %s\n", p); kfree(p);
	p = kstrndup(text, 60, GFP_KERNEL); pr_info("km: kstrndup %s\n", p); kfree(p);
	p = kmemdup(text, 4, GFP_KERNEL); pr_info("km: kmemdup %.4s\n", p); kfree(p);
	p = kmemdup_nul(text, 3, GFP_KERNEL); pr_info("km: kmemdup_nul %s\n", p); kfree(p);
	pr_info("km: of NULL %d %d\n", kstrdup(NULL, GFP_KERNEL) == NULL, kmemdup_nul(NULL, 3, GFP_KERNEL) == NULL);
	p = kstrdup(text, GFP_KERNEL);
	c = kstrdup_const(p, GFP_KERNEL);
	pr_info("km: kstrdup_const %s copied %d\n", c, c != p);
	kfree_const(c); kfree(p);
	p = kasprintf(GFP_KERNEL, "%s and %d", text, 13); pr_info("km: kasprintf %s\n", p); kfree(p);
	p = memdup_user((void __user *)8, 4); pr_info("km: memdup_user %ld\n", PTR_ERR(p));
}

static int __init km_in(void)
{
	volatile size_t most = KMALLOC_MAX_SIZE;
	void *p;

	sizes();
	growing();
	arrays();
	copies();
	p = kmalloc(most, GFP_KERNEL | __GFP_NOWARN);
	pr_info("km: max %zu\n", p ? ksize(p) : 0);
	kfree(p);
	pr_info("km: more %d huge %d\n", kmalloc(most + 1, GFP_KERNEL | __GFP_NOWARN) != NULL, kmalloc(most << 20, GFP_KERNEL | __GFP_NOWARN) != NULL);
	p = kmalloc(1 << 20, GFP_ATOMIC); pr_info("km: atomic MiB aligned %d\n", IS_ALIGNED((unsigned long)p, 1 << 20)); kfree(p);
	pr_info("km: zero size pointer %d frees\n", kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(ZERO_SIZE_PTR); kfree(NULL);
	return 0;
}
static void __exit km_out(void) { }
module_init(km_in); module_exit(km_out);
MODULE_LICENSE("GPL");
