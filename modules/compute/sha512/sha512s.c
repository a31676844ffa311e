// SHA-512 and SHA-384 by the functions that sha512_generic exports.
#include <linux/module.h>
#include <crypto/sha2.h>
#include <crypto/sha512_base.h>
#include "stream.h"
#include "hash.h"
static u8 data[300000], digest[64];
static const char *hash(unsigned int size, const u8 *p, size_t n, size_t step)
{
	struct shash_desc *d = own_desc(size);
	size_t i;

	if (size == 64) sha512_base_init(d); else sha384_base_init(d);
	for (i = 0; i + step < n; i += step) if (crypto_sha512_update(d, p + i, step)) return "update failed";
	return crypto_sha512_finup(d, p + i, n - i, digest) ? "finup failed" : "is";
}
static int __init sha512s_in(void)
{
	static const unsigned int sizes[] = { 48, 64 };
	int i;

	stream_fill(data, sizeof(data), 4);
	pr_info("cm: data %zu fnv %llu\n", sizeof(data), fnv1a(data, sizeof(data)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const char *s = hash(sizes[i], "", 0, 1);

		pr_info("cm: sha%u 0 %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], "abc", 3, 3); pr_info("cm: sha%u abc %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], data, 1000, 7); pr_info("cm: sha%u 1000 %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], data, sizeof(data), 4099); pr_info("cm: sha%u %zu %s %*phN\n", sizes[i] * 8, sizeof(data), s, sizes[i], digest);
	}
	pr_info("cm: empty %*phN\n", 64, sha512_zero_message_hash);
	return 0;
}
static void __exit sha512s_out(void) { }
module_init(sha512s_in); module_exit(sha512s_out);
MODULE_LICENSE("Dual MIT/GPL");
