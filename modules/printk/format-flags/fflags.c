// printk's formats: %pG.
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fflags_in(void)
{
	gfp_t g = GFP_KERNEL | __GFP_ZERO, a = GFP_ATOMIC, n = 0, odd = GFP_NOWAIT | (1u << 30);
	unsigned long vm = VM_READ | VM_WRITE | VM_EXEC | VM_SHARED, pf = (1UL << PG_locked) | (1UL << PG_dirty);
	P("g [%pGg] [%pGg] [%pGg] [%pGg]", &g, &a, &n, &odd);
	P("v [%pGv]", &vm);
	P("p [%pGp]", &pf);
	P("null [%pGg]", NULL);
	return 0;
}
static void __exit fflags_out(void) { }
module_init(fflags_in); module_exit(fflags_out);
MODULE_LICENSE("Dual MIT/GPL");
