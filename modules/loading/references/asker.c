// Looks a symbol up by name while it runs.
#include <linux/module.h>
int kept_answer(void);
static int __init asker_in(void)
{
	int (*f)(void) = symbol_get(kept_answer);

	pr_info("rf: symbol %s\n", f ? "found" : "missing");
	if (f) pr_info("rf: answer %d\n", f());
	if (f) symbol_put(kept_answer);
	return -EAGAIN;
}
module_init(asker_in);
MODULE_LICENSE("Dual MIT/GPL");
