// Queues of bytes, of elements, of records.
#include <linux/module.h>
#include <linux/kfifo.h>

#define say(fmt, ...) pr_info("qu: " fmt "\n", ##__VA_ARGS__)

static DEFINE_KFIFO(numbers, u32, 8);
static struct kfifo bytes;
static STRUCT_KFIFO_REC_1(16) small;
static struct kfifo_rec_ptr_2 large;
static u8 own[24];

static int __init queues_init(void)
{
	char buf[64];
	u32 n, some[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	int i;

	for (i = 0; i < 10; i++)
		say("put %d: %d", i, kfifo_put(&numbers, i));
	say("len %u avail %u full %d", kfifo_len(&numbers), kfifo_avail(&numbers), kfifo_is_full(&numbers));
	for (i = 0; i < 5; i++)
		say("get %d %u", kfifo_get(&numbers, &n), n);
	say("in %u", kfifo_in(&numbers, some, 8));
	say("peek %u, %u", kfifo_out_peek(&numbers, some, 8), some[7]);
	say("out %u", kfifo_out(&numbers, some, 8));
	for (i = 0; i < 8; i++)
		say("%u", some[i]);

	say("alloc %d %u, %d", kfifo_alloc(&bytes, 100, GFP_KERNEL), kfifo_size(&bytes), kfifo_alloc((struct kfifo *)&large, 1, GFP_KERNEL));
	say("in %u %u", kfifo_in(&bytes, "hello world", 11), kfifo_in(&bytes, "0123456789", 10));
	n = kfifo_out(&bytes, buf, 8);
	say("out %u %.*s", n, n, buf);
	kfifo_skip(&bytes);
	n = kfifo_out_peek(&bytes, buf, 40);
	say("peek %u %.*s", n, n, buf);
	kfifo_free(&bytes);
	say("freed %u", kfifo_initialized(&bytes));
	say("init %d %u", kfifo_init(&bytes, own, sizeof(own)), kfifo_size(&bytes));

	INIT_KFIFO(small);
	for (i = 0; i < 4; i++)
		say("record %u avail %u", kfifo_in(&small, "abcdefg", 3 + i), kfifo_avail(&small));
	say("next %u", kfifo_peek_len(&small));
	n = kfifo_out(&small, buf, 2);
	say("cut %u %.*s, next %u", n, n, buf, kfifo_peek_len(&small));
	kfifo_skip(&small);
	n = kfifo_out(&small, buf, sizeof(buf));
	say("last %u %.*s, empty %d", n, n, buf, kfifo_is_empty(&small));
	say("alloc %d", kfifo_alloc(&large, 64, GFP_KERNEL));
	memset(buf, 'x', sizeof(buf));
	say("in %u %u", kfifo_in(&large, buf, 40), kfifo_in(&large, buf, 40));
	say("out %u of %u", kfifo_out(&large, buf, 64), 40);
	kfifo_free(&large);
	return 0;
}
module_init(queues_init);
static void __exit queues_exit(void) { }
module_exit(queues_exit);
MODULE_LICENSE("Dual MIT/GPL");
