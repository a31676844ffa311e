/* A transform without the crypto API's allocation: what the shash functions read of it is the digest size. */
#include <crypto/internal/hash.h>
struct own_hash { struct shash_alg alg; struct crypto_shash tfm; struct { struct shash_desc desc; u8 context[512] __aligned(16); } d; };
static struct own_hash own;
static inline struct shash_desc *own_desc(unsigned int digest_size)
{
	own.alg.digestsize = digest_size;
	own.tfm.base.__crt_alg = &own.alg.base;
	own.d.desc.tfm = &own.tfm;
	return &own.d.desc;
}
