// Times code that does little but reach memory, and prints nanoseconds for each step: "exact NAME HUNDREDTHS".
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/ktime.h>

#define ROUNDS 20
#define NODES 10000
#define BYTES (64 << 10)
#define NUMBERS 1000

struct node { struct node *next; u64 value; u32 count; char rest[40]; };

static void tell(const char *name, u64 start, u64 count)
{
	pr_info("exact %s %llu\n", name, (ktime_get_ns() - start) * 100 / count);
}

static noinline u64 walk(struct node *node)
{
	u64 sum = 0;

	for (; node; node = node->next) {
		sum += node->value;
		node->count++;
	}
	return sum;
}

static noinline u32 checksum(const u32 *table, const u8 *bytes, size_t n)
{
	u32 crc = ~0;

	while (n--)
		crc = table[(crc ^ *bytes++) & 0xff] ^ crc >> 8;
	return ~crc;
}

static noinline void insertion_sort(u32 *a, int n)
{
	int i, j;

	for (i = 1; i < n; i++) {
		u32 x = a[i];

		for (j = i; j > 0 && a[j - 1] > x; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static noinline void clear_structs(struct node **all, int n)
{
	while (n--)
		memset(all[n], 0, sizeof(**all));
}

static int __init exact_init(void)
{
	struct node **nodes = kcalloc(NODES, sizeof(*nodes), GFP_KERNEL), *first = NULL;
	u32 *table = kmalloc_array(256, sizeof(*table), GFP_KERNEL), *numbers = kcalloc(NUMBERS, 4, GFP_KERNEL);
	u8 *bytes = kzalloc(BYTES, GFP_KERNEL);
	u64 start, sum = 0;
	u32 state = 1;
	int i;

	for (i = 0; i < NODES; i++) {
		nodes[i] = kzalloc(sizeof(**nodes), GFP_KERNEL);
		nodes[i]->next = first;
		first = nodes[i];
	}
	for (i = 0; i < 256; i++)
		table[i] = state = state * 1664525 + 1013904223;
	start = ktime_get_ns();
	for (i = 0; i < ROUNDS; i++)
		sum += walk(first);
	tell("list", start, ROUNDS * NODES);
	start = ktime_get_ns();
	for (i = 0; i < ROUNDS; i++) {
		barrier();
		sum += checksum(table, bytes, BYTES);
	}
	barrier();
	tell("crc", start, ROUNDS * BYTES);
	for (i = 0; i < NUMBERS; i++)
		numbers[i] = NUMBERS - i;
	start = ktime_get_ns();
	insertion_sort(numbers, NUMBERS);
	tell("sort", start, NUMBERS * NUMBERS / 2);
	start = ktime_get_ns();
	clear_structs(nodes, NODES);
	tell("clear", start, NODES);
	pr_info("exact sum %llu\n", sum);
	for (i = 0; i < NODES; i++)
		kfree(nodes[i]);
	kfree(nodes);
	kfree(table);
	kfree(numbers);
	kfree(bytes);
	return 0;
}

static void __exit exact_exit(void)
{
}
module_init(exact_init);
module_exit(exact_exit);
MODULE_LICENSE("Dual MIT/GPL");
