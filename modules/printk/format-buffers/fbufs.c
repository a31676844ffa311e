// printk's formats: %ph and %pE.
#include <linux/module.h>
#include <linux/slab.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fbufs_in(void)
{
	static const u8 b[70] = { 1, 0x2a, 0xff, 0, 0x80, [63] = 0xee, [64] = 0xdd };
	const char *s = "a\tb\n\\\x01z\"\xff q\r\v\f\a\e";
	char out[64];
	P("ph [%*ph] C [%*phC] D [%*phD] N [%*phN]", 5, b, 5, b, 5, b, 5, b);
	P("2ph [%2ph] 0 [%*ph] none [%ph] minus [%*ph]", b, 0, b, b, -3, b);
	P("70 [%*phN]", 70, b);
	P("64 [%64phN]", b);
	P("null [%*ph] error [%*ph]", 4, NULL, 4, ERR_PTR(-EIO));
	P("E [%*pE]", 16, s);
	P("Ea [%*pEa] Ec [%*pEc] Eh [%*pEh] En [%*pEn] Eo [%*pEo] Ep [%*pEp] Es [%*pEs]", 11, s, 11, s, 11, s, 11, s, 11, s, 11, s, 11, s);
	P("Ehp [%*pEhp] Esnh [%*pEhns] none [%pE] null [%4pE]", 11, s, 11, s, s, NULL);
	P("cut %d [%s]", snprintf(out, 10, "%*phC", 5, b), out);
	P("cut %d [%s]", snprintf(out, 10, "%*pE", 11, s), out);
	return 0;
}
static void __exit fbufs_out(void) { }
module_init(fbufs_in); module_exit(fbufs_out);
MODULE_LICENSE("Dual MIT/GPL");
