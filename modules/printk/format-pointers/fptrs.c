// printk's formats: %p hashed, %px, %pK and pointers that may not be followed.
#include <linux/module.h>
static int variable;
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fptrs_in(void)
{
	char a[24], b[24], c[24];
	P("null [%p] [%px] [%pK] [%20p] [%-20p]", NULL, NULL, NULL, NULL, NULL);
	P("error [%p] [%pK] low [%p]", ERR_PTR(-2), ERR_PTR(-2), ERR_PTR(-4095));
	P("px [x%px] [%#px] [x%5px] [%-20px|]", (void *)0xabcdUL, (void *)0xabcdUL, (void *)0xabcdUL, (void *)0xabcdUL);
	snprintf(a, sizeof(a), "%p", &variable); snprintf(b, sizeof(b), "%p", &variable); snprintf(c, sizeof(c), "%px", &variable);
	P("length %zu same %d real %d upper half zero %d", strlen(a), !strcmp(a, b), !strcmp(a, c), !strncmp(a, "00000000", 8));
	snprintf(b, sizeof(b), "%p", (char *)&variable + 1);
	P("neighbour differs %d", !!strcmp(a, b));
	snprintf(b, sizeof(b), "%pQ", &variable);
	P("unknown letter as p %d", !strcmp(a, b));
	P("length of [%%20p] %d [%%5p] %d [%%#p] %d", snprintf(NULL, 0, "%20p", &variable), snprintf(NULL, 0, "%5p", &variable), snprintf(NULL, 0, "%#p", &variable));
	P("followed: [%pM] [%pI4] [%ph] [%pUb]", (void *)8, (void *)8, (void *)8, (void *)8);
	P("efault: [%pM] [%pI4] [%10pM]", ERR_PTR(-EFAULT), ERR_PTR(-EFAULT), ERR_PTR(-EFAULT));
	return 0;
}
static void __exit fptrs_out(void) { }
module_init(fptrs_in); module_exit(fptrs_out);
MODULE_LICENSE("Dual MIT/GPL");
