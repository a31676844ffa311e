// Smaller parts of lib/ that drivers import: masks of CPUs, rate limits, sums, attributes, byte limits, pools, once.
#include <linux/module.h>
#include <linux/cpumask.h>
#include <linux/ratelimit.h>
#include <linux/printk.h>
#include <linux/once.h>
#include <linux/genalloc.h>
#include <linux/dynamic_queue_limits.h>
#include <linux/kfifo.h>
#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/lzo.h>
#include <linux/xz.h>
#include <linux/oid_registry.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#define say(fmt, ...) pr_info("pi: " fmt "\n", ##__VA_ARGS__)

static char buffer[512];

static void masks(void)
{
	cpumask_var_t mask;
	bool made = zalloc_cpumask_var(&mask, GFP_KERNEL);

	say("mask %d", made);
	if (made) {
		say("spread %u", cpumask_local_spread(0, 0));
		say("empty %d", cpumask_empty(mask));
		cpumask_set_cpu(0, mask);
		say("weight %u first %u of %d", cpumask_weight(mask), cpumask_first(mask), cpumask_test_cpu(0, cpumask_of(0)));
		free_cpumask_var(mask);
	}
}

static int once_done;
static void do_it(int *by) { (*by)++; }

static void once(void)
{
	int i, n = 0, limited = 0;

	for (i = 0; i < 3; i++)
		DO_ONCE(do_it, &once_done);
	for (i = 0; i < 20; i++)
		n += !!printk_ratelimit();
	for (i = 0; i < 3; i++)
		limited += i;
	say("once %d ratelimit %d %d", once_done, n > 0 && n < 20, limited);
}

static void sums(void)
{
	struct in6_addr a = { }, b = { };
	int i;

	for (i = 0; i < sizeof(buffer); i++)
		buffer[i] = i * 11 + i / 7;
	for (i = 0; i < 16; i++)
		a.s6_addr[i] = i, b.s6_addr[i] = 0xf0 - i;
	say("sum %04x %04x %04x", csum_fold(csum_partial(buffer, 512, 0)), csum_fold(csum_partial(buffer + 1, 333, 7)),
	    csum_fold(csum_partial(buffer, 0, 7)));
	say("ip %04x tcp %04x 6 %04x", ip_compute_csum(buffer, 100), ip_fast_csum(buffer, 5), csum_ipv6_magic(&a, &b, 100, 17, 5));
}

static const struct nla_policy policy[6] = {
	[1] = { .type = NLA_U32 }, [2] = { .type = NLA_NUL_STRING, .len = 8 }, [3] = { .type = NLA_U64 }, [4] = { .type = NLA_FLAG },
	[5] = { .type = NLA_BINARY, .len = 10 },
};

static void attributes(void)
{
	struct sk_buff *skb = kzalloc(sizeof(*skb), GFP_KERNEL);
	struct nlattr *tb[6], *head;
	char text[8];
	u64 wide = 0x1122334455667788ULL;
	int r, i;

	memset(buffer, 0, sizeof(buffer));
	skb->head = skb->data = buffer;
	skb->end = 100;
	say("u32 %d", nla_put_u32(skb, 1, 77));
	say("text %d", nla_put_string(skb, 2, "seven"));
	say("wide %d", nla_put(skb, 3, 8, &wide));
	say("flag %d", nla_put_flag(skb, 4));
	r = nla_put(skb, 5, 9, "nine byte");
	say("binary %d len %u tail %u", r, skb->len, skb->tail);
	head = nla_reserve(skb, 9, 3);
	say("reserve %d type %u len %u total %u", !!head, head ? head->nla_type : 0, head ? head->nla_len : 0, skb->len);
	r = nla_put_nohdr(skb, 6, "nohead");
	say("nohdr %d append %d total %u", r, nla_append(skb, 2, "xy"), skb->len);
	say("too much %d %d", nla_put(skb, 1, 400, buffer), !nla_reserve(skb, 1, 400));
	for (i = 0; i < skb->len; i += 8)
		say("%*ph", 8, buffer + i);
	r = __nla_parse(tb, 5, (void *)buffer, 68, policy, NL_VALIDATE_LIBERAL, NULL);
	say("parse %d: %d %d %d %d %d", r, !!tb[1], !!tb[2], !!tb[3], !!tb[4], !!tb[5]);
	if (!r && tb[1] && tb[2] && tb[5])
		say("u32 %u text %zd cmp %d %d", nla_get_u32(tb[1]), nla_strscpy(text, tb[2], 4), nla_strcmp(tb[2], "seven"),
		    nla_memcmp(tb[2], "sex", 2));
	if (!r && tb[5])
		say("'%s' copy %d", text, nla_memcpy(text, tb[5], 8));
	say("find %d %d validate %d", !!nla_find((void *)buffer, skb->len, 4), !!nla_find((void *)buffer, skb->len, 12),
	    __nla_validate((void *)buffer, 60, 5, policy, NL_VALIDATE_STRICT, NULL));
	kfree(skb);
}

static void limits(void)
{
	struct dql *dql = kzalloc(sizeof(*dql), GFP_KERNEL);
	int i;

	dql_init(dql, HZ);
	for (i = 0; i < 6; i++) {
		dql_queued(dql, 1000 * (i + 1));
		dql_completed(dql, 700 * (i + 1));
		say("dql %d limit %u", dql_avail(dql), dql->limit);
	}
	dql_reset(dql);
	say("dql reset %d", dql_avail(dql));
	kfree(dql);
}

static void pools(void)
{
	struct gen_pool *pool = gen_pool_create(5, -1);
	unsigned long a, b, c;
	phys_addr_t phys;

	say("pool %d add %d", !!pool, pool ? gen_pool_add_virt(pool, 0x100000, 0x5000, 4096, -1) : 0);
	a = gen_pool_alloc(pool, 100);
	b = gen_pool_alloc(pool, 1000);
	say("alloc %lx %lx avail %zu size %zu has %d", a, b, gen_pool_avail(pool), gen_pool_size(pool), gen_pool_has_addr(pool, a, 10));
	phys = gen_pool_virt_to_phys(pool, b);
	gen_pool_free(pool, a, 100);
	gen_pool_set_algo(pool, gen_pool_best_fit, NULL);
	c = gen_pool_alloc(pool, 60);
	say("phys %llx again %lx too much %lx", (u64)phys, c, gen_pool_alloc(pool, 5000));
	gen_pool_free(pool, b, 1000);
	gen_pool_free(pool, c, 60);
	gen_pool_destroy(pool);
}

static void fifos(void)
{
	static DECLARE_KFIFO(fifo, int, 16);
	struct scatterlist sg[3];
	unsigned int n, v[20], i;

	INIT_KFIFO(fifo);
	for (i = 0; i < 12; i++)
		kfifo_put(&fifo, i);
	n = kfifo_out(&fifo, v, 10);
	sg_init_table(sg, 3);
	say("out %u in by dma %u: %u %u", n, kfifo_dma_in_prepare(&fifo, sg, 2, 12), sg[0].length, sg[1].length);
	kfifo_dma_in_finish(&fifo, 12);
	sg_init_table(sg, 3);
	n = kfifo_dma_out_prepare(&fifo, sg, 2, 14);
	say("len %u out by dma %u: %u %u", kfifo_len(&fifo), n, sg[0].length, sg[1].length);
	kfifo_dma_out_finish(&fifo, 14);
	say("left %u", kfifo_len(&fifo));
}

static void packed(void)
{
	static const u8 lzo[] = { 0x18, 'h', 'e', 'l', 'l', 'o', ' ', 'w', 0x11, 0, 0 };
	struct xz_dec *xz = xz_dec_init(XZ_SINGLE, 0);
	struct xz_buf b = { .in = "nothing of xz", .in_size = 13, .out = buffer, .out_size = 100 };
	size_t len = sizeof(buffer);
	int r = lzo1x_decompress_safe(lzo, sizeof(lzo), buffer, &len);

	say("lzo %d %zu '%.*s'", r, len, (int)len, buffer);
	say("xz %d run %d", !!xz, xz ? xz_dec_run(xz, &b) : -1);
	xz_dec_end(xz);
}

static int __init lkpi_init(void)
{
	masks();
	once();
	sums();
	attributes();
	limits();
	pools();
	fifos();
	packed();
	return 0;
}
module_init(lkpi_init);
static void __exit lkpi_exit(void) { }
module_exit(lkpi_exit);
MODULE_LICENSE("Dual MIT/GPL");
