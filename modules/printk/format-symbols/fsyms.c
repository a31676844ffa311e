// printk's formats: %pS %ps %pB of code and data.
#include <linux/module.h>
#include <linux/slab.h>
static int variable = 3;
static noinline int function(int n) { barrier(); return n + 1; }
static noinline void caller(void) { pr_info("fm: caller pS %pS ps %ps pB %pB\n", __builtin_return_address(0), __builtin_return_address(0), __builtin_return_address(0)); }
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fsyms_in(void)
{
	P("S [%pS] s [%ps] B [%pB]", function, function, function);
	P("S+1 [%pS] s [%ps] B [%pB]", (char *)function + 1, (char *)function + 1, (char *)function + 1);
	P("data S [%pS] s [%ps]", &variable, &variable);
	P("kernel s [%ps] S0 [%pS] S1 [%pS]", kfree, kfree, (char *)kfree + 1);
	P("kernel data s [%ps]", &jiffies);
	P("nowhere S [%pS] s [%ps] B [%pB]", (void *)0x123, (void *)0x123, (void *)0x123);
	P("null S [%pS] s [%ps]", NULL, NULL);
	P("width S [%60pS] left [%-60pS] s [%20ps]", function, function, function);
	P("F [%pF] f [%pf]", function, function);
	P("SR [%pSR]", function);
	P("Sb has an id %d", (int)snprintf(NULL, 0, "%pSb", function) > (int)snprintf(NULL, 0, "%pS", function));
	caller();
	P("%d", function(variable));
	return 0;
}
static void __exit fsyms_out(void) { }
module_init(fsyms_in); module_exit(fsyms_out);
MODULE_LICENSE("Dual MIT/GPL");
