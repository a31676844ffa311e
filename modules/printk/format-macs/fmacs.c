// printk's formats: %pM and %pm.
#include <linux/module.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fmacs_in(void)
{
	u8 mac[6] = { 0x02, 0x1b, 0xff, 0x0a, 0x7c, 0xe0 };
	P("M [%pM] m [%pm] MF [%pMF] MR [%pMR] mR [%pmR]", mac, mac, mac, mac, mac);
	P("width [%20pM] [%-20pM] [%.3pM]", mac, mac, mac);
	P("null [%pM] error [%pM] low [%pm]", NULL, ERR_PTR(-EINVAL), (void *)100);
	P("other letters [%pMx] [%pMFx]", mac, mac);
	return 0;
}
static void __exit fmacs_out(void) { }
module_init(fmacs_in); module_exit(fmacs_out);
MODULE_LICENSE("Dual MIT/GPL");
