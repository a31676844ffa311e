// Bitmaps, fractions, ranges, checksums and numbers that repeat.
#include <linux/module.h>
#include <linux/bitmap.h>
#include <linux/rational.h>
#include <linux/linear_range.h>
#include <linux/prandom.h>
#include <linux/crc32.h>
#include <linux/siphash.h>
#include <linux/bitrev.h>
#include <linux/bcd.h>
#include <linux/errseq.h>
#include <linux/string.h>
#include <linux/slab.h>

#define say(fmt, ...) pr_info("nu: " fmt "\n", ##__VA_ARGS__)

static void bits(void)
{
	DECLARE_BITMAP(a, 130);
	DECLARE_BITMAP(b, 130);
	unsigned long *heap = bitmap_zalloc(130, GFP_KERNEL);
	u32 words[5];
	char *page = (char *)kmalloc(4096, GFP_KERNEL);

	bitmap_zero(a, 130);
	bitmap_set(a, 3, 5);
	bitmap_set(a, 62, 4);
	set_bit(129, a);
	say("%lu %lu %lu %lu", find_first_bit(a, 130), find_next_bit(a, 130, 8), find_last_bit(a, 130), find_next_zero_bit(a, 130, 3));
	say("%lu %lu", find_next_bit(a, 129, 66), find_last_bit(a, 129));
	bitmap_cut(b, a, 2, 3, 130);
	say("cut %*pbl", 130, b);
	bitmap_to_arr32(words, a, 130);
	say("%x %x %x %x %x", words[0], words[1], words[2], words[3], words[4]);
	bitmap_from_arr32(b, words, 100);
	say("%*pbl", 130, b);
	say("equal %d heap %*pbl.", bitmap_equal(a, b, 100), 130, heap);
	say("page %d", bitmap_print_to_pagebuf(true, page, a, 130));
	say("'%s'", page);
	bitmap_free(heap);
	kfree(page);
}

static void fractions(void)
{
	static const unsigned long all[][4] = { { 1230, 10, 100, 20 }, { 34567, 100, 120, 20 }, { 1, 30, 100, 10 }, { 355, 113, 100, 50 }, { 0, 5, 9, 9 }, { 5, 0, 9, 9 } };
	unsigned long n, d;
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		rational_best_approximation(all[i][0], all[i][1], all[i][2], all[i][3], &n, &d);
		say("%lu/%lu", n, d);
	}
}

static void ranges(void)
{
	static const struct linear_range r[] = { { .min = 100, .min_sel = 2, .max_sel = 9, .step = 25 }, { .min = 400, .min_sel = 10, .max_sel = 12, .step = 100 } };
	unsigned int v, i;
	bool inside;
	int ret;

	say("%u %u %u", linear_range_values_in_range(r), linear_range_values_in_range_array(r, 2), linear_range_get_max_value(r));
	for (i = 0; i < 15; i += 3) {
		v = 0;
		ret = linear_range_get_value_array(r, 2, i, &v);
		say("value %u: %d %u", i, ret, v);
	}
	for (i = 50; i < 800; i += 111) {
		v = 0;
		ret = linear_range_get_selector_low_array(r, 2, i, &v, &inside);
		say("low %u: %d %u %d", i, ret, v, inside);
		v = 0;
		ret = linear_range_get_selector_high(r, i, &v, &inside);
		say("high %u: %d %u %d", i, ret, v, inside);
	}
}

static void sums(void)
{
	static const u8 data[] = "The quick brown fox jumps over the lazy dog";
	static const siphash_key_t key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	static const hsiphash_key_t half = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	struct rnd_state state;
	u8 bytes[7];
	u32 first;

	say("%x %x %x", crc32_le(~0, data, 43), crc32_be(~0, data, 43), __crc32c_le(~0, data, 43));
	say("%x %x", crc32_le_combine(crc32_le(0, data, 20), crc32_le(0, data + 20, 23), 23), crc32_le(0, data, 43));
	say("%llx %x %x %x", siphash(data, 43, &key), hsiphash(data, 43, &half), hsiphash_1u32(7, &half), hsiphash_3u32(1, 2, 3, &half));
	prandom_seed_state(&state, 12345);
	first = prandom_u32_state(&state);
	prandom_bytes_state(&state, bytes, sizeof(bytes));
	say("%u %7ph", first, bytes);
	say("%x %x %u %x", bitrev8(0x13), bitrev32(1), bcd2bin(0x59), bin2bcd(59));
}

static void joined(void)
{
	int a, b;
	int *left[] = { &a, &b, NULL }, *right[] = { &b, NULL }, **all = memcat_p(left, right);
	errseq_t seq = 0, since = errseq_sample(&seq);

	say("%d %d %d %d", all[0] == &a, all[1] == &b, all[2] == &b, !all[3]);
	kfree(all);
	errseq_set(&seq, -5);
	say("err %d %d", errseq_check(&seq, since), errseq_check_and_advance(&seq, &since));
	say("err %d", errseq_check(&seq, since));
	errseq_set(&seq, -5);
	say("err %d", errseq_check_and_advance(&seq, &since));
}

static int __init numbers_init(void)
{
	bits();
	fractions();
	ranges();
	sums();
	joined();
	return 0;
}
module_init(numbers_init);
static void __exit numbers_exit(void) { }
module_exit(numbers_exit);
MODULE_LICENSE("Dual MIT/GPL");
