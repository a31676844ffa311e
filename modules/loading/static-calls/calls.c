// Static calls of a module.
#include <linux/module.h>
#include <linux/static_call.h>
static int plus(int a, int b) { return a + b; }
static int times(int a, int b) { return a * b; }
static void note(int n) { pr_info("sc: noted %d\n", n); }
DEFINE_STATIC_CALL(combine, plus);
DEFINE_STATIC_CALL_NULL(tell, note);
DEFINE_STATIC_CALL_RET0(quiet, plus);
static noinline int use(int a, int b) { int r = static_call(combine)(a, b); return r + 1000; }
static noinline int tail(int a, int b) { return static_call(combine)(a, b); }
static noinline int none(int a, int b) { return static_call(quiet)(a, b); }
static noinline void maybe(int n) { static_call_cond(tell)(n); }
static void all(const char *when) { pr_info("sc: %s: %d %d %d query %ps\n", when, use(6, 7), tail(6, 7), none(6, 7), static_call_query(combine)); maybe(5); }
static int __init calls_in(void)
{
	all("at first");
	static_call_update(combine, times); static_call_update(tell, note); static_call_update(quiet, plus);
	all("updated");
	static_call_update(combine, plus); static_call_update(tell, NULL); static_call_update(quiet, (void *)__static_call_return0);
	all("back");
	return 0;
}
static void __exit calls_out(void) { }
module_init(calls_in); module_exit(calls_out);
MODULE_LICENSE("Dual MIT/GPL");
