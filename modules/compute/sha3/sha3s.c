// SHA-3 by the functions that sha3_generic exports.
#include <linux/module.h>
#include "stream.h"
#include "hash.h"
#include <crypto/sha3.h>
static u8 data[300000], digest[64];
static const char *hash(unsigned int size, const u8 *p, size_t n, size_t step)
{
	struct shash_desc *d = own_desc(size);
	size_t i;

	if (crypto_sha3_init(d)) return "init failed";
	for (i = 0; i < n; i += step) if (crypto_sha3_update(d, p + i, min(step, n - i))) return "update failed";
	return crypto_sha3_final(d, digest) ? "final failed" : "is";
}
static int __init sha3s_in(void)
{
	static const unsigned int sizes[] = { 28, 32, 48, 64 };
	int i;

	stream_fill(data, sizeof(data), 3);
	pr_info("cm: data %zu fnv %llu\n", sizeof(data), fnv1a(data, sizeof(data)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const char *s = hash(sizes[i], "", 0, 1);

		pr_info("cm: sha3-%u 0 %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], "abc", 3, 3); pr_info("cm: sha3-%u abc %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], data, 1000, 7); pr_info("cm: sha3-%u 1000 %s %*phN\n", sizes[i] * 8, s, sizes[i], digest);
		s = hash(sizes[i], data, sizeof(data), 4099); pr_info("cm: sha3-%u %zu %s %*phN\n", sizes[i] * 8, sizeof(data), s, sizes[i], digest);
	}
	return 0;
}
static void __exit sha3s_out(void) { }
module_init(sha3s_in); module_exit(sha3s_out);
MODULE_LICENSE("Dual MIT/GPL");
