// printk's formats: %pU.
#include <linux/module.h>
#include <linux/uuid.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fuuids_in(void)
{
	uuid_t u = UUID_INIT(0x00112233, 0x4455, 0x6677, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff);
	P("U [%pU] Ub [%pUb] UB [%pUB] Ul [%pUl] UL [%pUL]", &u, &u, &u, &u, &u);
	P("width [%40pUb] [%-40pUb] [%.8pUb]", &u, &u, &u);
	P("null [%pUb] error [%pUb]", NULL, ERR_PTR(-EIO));
	P("zero [%pUb]", &uuid_null);
	return 0;
}
static void __exit fuuids_out(void) { }
module_init(fuuids_in); module_exit(fuuids_out);
MODULE_LICENSE("Dual MIT/GPL");
