// Functions whose code the kernel may exchange for the processor (alternatives): the results are the same.
#include <linux/module.h>
#include <linux/bitops.h>
#include <linux/bitmap.h>
#include <linux/string.h>
#include <linux/atomic.h>
#include <asm/cpufeature.h>
#include <asm/barrier.h>
#include <asm/msr.h>
static char from[100], to[100];
static unsigned long words[4] = { 0xff, 1, 0, ~0UL };
static noinline int bits(unsigned long v) { return hweight64(v) * 1000 + hweight32((u32)v); }
static int __init choice_in(void)
{
	u64 a, b;
	int i;

	pr_info("al: weights %d %d %d bitmap %d\n", bits(0), bits(0xff00ff00ff00ff00UL), bits(~0UL), bitmap_weight(words, 256));
	pr_info("al: has fpu %d long mode %d sse2 %d always %d\n", !!static_cpu_has(X86_FEATURE_FPU), !!static_cpu_has(X86_FEATURE_LM), !!boot_cpu_has(X86_FEATURE_XMM2), !!static_cpu_has(X86_FEATURE_ALWAYS));
	for (i = 0; i < 100; i++) from[i] = i;
	memcpy(to, from, sizeof(to)); pr_info("al: memcpy %d\n", memcmp(from, to, 100));
	memmove(to + 5, to, 50); pr_info("al: memmove %d %d\n", to[5], to[54]);
	memset(to, 7, 64); pr_info("al: memset %d %d\n", to[63], to[64]);
	mb(); rmb(); wmb(); smp_mb();
	a = rdtsc_ordered(); b = rdtsc_ordered();
	pr_info("al: time goes on %d\n", b >= a);
	return 0;
}
static void __exit choice_out(void) { }
module_init(choice_in); module_exit(choice_out);
MODULE_LICENSE("Dual MIT/GPL");
