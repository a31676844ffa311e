// A kernel probe that is only asked where a function is.
#include <linux/module.h>
#include <linux/kprobes.h>
#include <linux/string.h>

static char *name = "flush_tlb_all";
module_param(name, charp, 0444);

static int __init lkkpl_init(void)
{
	struct kprobe kp = { .symbol_name = name }, again;
	int r = register_kprobe(&kp);

	pr_info("kl: %s %d", name, r);
	if (r) {
		pr_cont(" addr %d\n", kp.addr != NULL);
		return 0;
	}
	pr_cont(" %pS flags %x\n", kp.addr, kp.flags);
	memset(&again, 0, sizeof(again));
	again.addr = kp.addr;
	pr_info("kl: same place %d", register_kprobe(&again));
	pr_cont(" twice %d\n", register_kprobe(&kp));
	unregister_kprobe(&again);
	unregister_kprobe(&kp);
	pr_info("kl: addr %pS\n", kp.addr);
	memset(&again, 0, sizeof(again));
	again.addr = kp.addr;
	again.symbol_name = name;
	pr_info("kl: both %d", register_kprobe(&again));
	memset(&again, 0, sizeof(again));
	pr_cont(" neither %d", register_kprobe(&again));
	again.addr = (void *)&name;
	pr_cont(" data %d\n", register_kprobe(&again));
	return 0;
}

static void __exit lkkpl_exit(void) { }
module_init(lkkpl_init);
module_exit(lkkpl_exit);
MODULE_LICENSE("Dual MIT/GPL");
