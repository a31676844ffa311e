// LZ4: a megabyte there and back by the lz4_compress module and the kernel's decompressor.
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <linux/lz4.h>
#include "stream.h"
#define SIZE (1 << 20)
static char small[120], packed[160], out[160];
static void little(void *work, u32 seed)
{
	int n, r;

	stream_fill(small, sizeof(small), seed);
	memset(small + 60, 'z', 40);
	n = LZ4_compress_default(small, packed, sizeof(small), sizeof(packed), work);
	r = LZ4_decompress_safe(packed, out, n, sizeof(out));
	pr_info("cm: small %u: %d back %d same %d\n", seed, n, r, !memcmp(small, out, sizeof(small)));
	pr_info("cm: data %*phN\n", 60, small);
	for (r = 0; r < n; r += 60) pr_info("cm: packed %*phN\n", min(60, n - r), packed + r);
}
static int __init lz4s_in(void)
{
	char *in = vmalloc(SIZE), *mid = vmalloc(LZ4_compressBound(SIZE)), *back = vmalloc(SIZE), *work = vmalloc(LZ4_MEM_COMPRESS);
	int n, r;

	if (!in || !mid || !back || !work) goto out;
	little(work, 5); little(work, 6);
	stream_fill(in, SIZE, 2);
	pr_info("cm: in %d fnv %llu bound %d\n", SIZE, fnv1a(in, SIZE), LZ4_compressBound(SIZE));
	n = LZ4_compress_default(in, mid, SIZE, LZ4_compressBound(SIZE), work);
	pr_info("cm: packed %d fnv %llu\n", n, fnv1a(mid, n));
	memset(back, 0, SIZE);
	r = LZ4_decompress_safe(mid, back, n, SIZE);
	pr_info("cm: back %d fnv %llu same %d\n", r, fnv1a(back, SIZE), !memcmp(in, back, SIZE));
	r = LZ4_compress_default(in, mid, SIZE, n / 2, work); pr_info("cm: no room to pack %d\n", r);
	r = LZ4_decompress_safe(mid, back, 100, SIZE); pr_info("cm: cut input %s\n", r < 0 ? "refused" : "taken");
	n = LZ4_compress_fast(in, mid, SIZE, LZ4_compressBound(SIZE), 16, work); pr_info("cm: fast %d\n", n);
	r = LZ4_decompress_safe(mid, back, n, SIZE - 1); pr_info("cm: no room to unpack %s\n", r < 0 ? "refused" : "taken");
	r = LZ4_decompress_safe(mid, back, n, SIZE); pr_info("cm: fast back %d same %d\n", r, !memcmp(in, back, SIZE));
out:
	vfree(in); vfree(mid); vfree(back); vfree(work);
	return 0;
}
static void __exit lz4s_out(void) { }
module_init(lz4s_in); module_exit(lz4s_out);
MODULE_LICENSE("Dual MIT/GPL");
