// printk's formats: %pK, in the reader's context, for the values of kptr_restrict.
#include <linux/module.h>
static int variable;
static int show(char *s, const struct kernel_param *kp)
{
	char p[24], x[24], k[24];

	snprintf(p, sizeof(p), "%p", &variable); snprintf(x, sizeof(x), "%px", &variable); snprintf(k, sizeof(k), "%pK", &variable);
	return sprintf(s, "%s\n", !strcmp(k, x) ? "real" : !strcmp(k, p) ? "hashed" : k[15] == '0' && !strncmp(k, "000000000000000", 15) ? "zero" : k);
}
static const struct kernel_param_ops show_ops = { .get = show };
module_param_cb(show, &show_ops, NULL, 0444);
static int __init fkptr_in(void) { char s[64]; show(s, NULL); pr_info("fm: in init: %s", s); return 0; }
static void __exit fkptr_out(void) { }
module_init(fkptr_in); module_exit(fkptr_out);
MODULE_LICENSE("Dual MIT/GPL");
