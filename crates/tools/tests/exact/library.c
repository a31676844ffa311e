// Mistakes that functions of the library make for a module: what it passes does not hold what they read or write. A line
// that a report must name is marked L and a number; `wrong=N` makes mistake N, 0 none, and 99 all.
#include <linux/module.h>
#include <linux/bitmap.h>
#include <linux/crc32.h>
#include <linux/kfifo.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

static long wrong; // label is followed by something with an alignment of 8
module_param(wrong, long, 0);

static char label[11];
static char letters[5] = { 'a', 'l', 'p', 'h', 'a' };
static volatile long seen;
static const char *volatile long_text = "a text of twenty-six bytes";

static noinline bool is(int n)
{
	return wrong == n || wrong == 99;
}

static int ascending(const void *a, const void *b)
{
	return *(const u32 *)a - *(const u32 *)b; // L0
}

static noinline void strings(char *p, char *exact, size_t extra)
{
	char *name = letters;

	OPTIMIZER_HIDE_VAR(p);
	OPTIMIZER_HIDE_VAR(name);
	strcpy(p, "twelve bytes");
	if (is(1))
		strcpy(p, long_text + 12 - extra); // L1
	memset(p, 'x', 13);
	seen = strnlen(p, 13);
	if (is(2))
		seen = strlen(p); // L2
	p[12] = 0;
	seen = sprintf(label, "%d of %d", 10, 1000);
	if (is(3))
		seen = sprintf(label, "%d of %d", 10, 10000); // L3
	seen = snprintf(p, 13, "%s", long_text);
	if (is(4))
		seen = snprintf(p, 13 + extra, "%s", long_text); // L4
	seen = strscpy(p, name, 5);
	if (is(5))
		seen = strscpy(p, name, 6 + extra); // L5
	seen = snprintf(p, 13, "%.5s", name);
	if (is(6))
		seen = snprintf(p, 13, "%.6s", name); // L6
	// The block ends where its page does.
	seen = strscpy(exact, long_text, 24);
	if (is(7))
		strcpy(exact, long_text); // L7
	OPTIMIZER_HIDE_VAR(exact);
	if (is(8))
		seen = strlen(exact); // L8
	seen = strcmp(name, "alpine") + strncmp(name, "beta", 9) + memcmp(name, "beta", 4);
	if (is(9))
		seen = memcmp(name, "alpha..", 6 + extra); // L9
	seen = (long)memchr(name, 'p', 100) + (long)strchr(name, 'p') + strspn(name, "al") + strcspn(name, "h");
	if (is(10))
		seen = (long)memchr(name, 'z', 6); // L10
	strncpy(p, "abc", 13 - extra);
	if (is(11))
		strncpy(p, "abc", 13 + extra); // L11
	if (is(12))
		seen = pr_info("%s\n", name + 1); // L12
}

static noinline void others(u32 *numbers, char *p, unsigned long *map, size_t extra)
{
	struct kfifo fifo;

	sort(numbers, 3, sizeof(u32), ascending, NULL);
	if (is(13))
		sort(numbers, 3 + extra, sizeof(u32), ascending, NULL); // L13
	bitmap_set(map, 3, 60 + extra);
	if (is(14))
		bitmap_set(map, 100, 28 + extra); // L14
	if (kfifo_alloc(&fifo, 16, GFP_KERNEL))
		return;
	seen = kfifo_in(&fifo, long_text, 16);
	seen = kfifo_out_peek(&fifo, p, 13);
	if (is(15))
		seen = kfifo_out_peek(&fifo, p, 13 + extra); // L15
	kfifo_reset(&fifo);
	if (is(16))
		seen = kfifo_in(&fifo, p, 13 + extra); // L16
	kfifo_free(&fifo);
	seen = crc32_le(0, p, 13);
	if (is(17))
		seen = crc32_le(0, p, 13 + extra); // L17
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	if (is(18))
		seen = strlen(p); // L18
}

static int __init library_init(void)
{
	char *p = kmalloc(13, GFP_KERNEL), *exact = kmalloc(24, GFP_KERNEL);
	u32 *numbers = kcalloc(3, sizeof(u32), GFP_KERNEL);
	unsigned long *map = bitmap_zalloc(128, GFP_KERNEL);
	size_t one = 1;

	OPTIMIZER_HIDE_VAR(one);
	strings(p, exact, one);
	others(numbers, p, map, one);
	kfree(exact);
	kfree(numbers);
	bitmap_free(map);
	return 0;
}

static void __exit library_exit(void)
{
}
module_init(library_init);
module_exit(library_exit);
MODULE_LICENSE("Dual MIT/GPL");
