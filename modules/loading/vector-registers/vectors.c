// What a module keeps in vector registers between kernel_fpu_begin and kernel_fpu_end is there after a call.
#include <linux/module.h>
#include <linux/string.h>
#include <linux/kstrtox.h>
#include <asm/fpu/api.h>
static u8 before[16][16], after[16][16];
static __always_inline void load(void)
{
	asm volatile("movdqu (%0), %%xmm0; movdqu 16(%0), %%xmm1; movdqu 32(%0), %%xmm2; movdqu 48(%0), %%xmm3\n\t"
		     "movdqu 64(%0), %%xmm4; movdqu 80(%0), %%xmm5; movdqu 96(%0), %%xmm6; movdqu 112(%0), %%xmm7\n\t"
		     "movdqu 128(%0), %%xmm8; movdqu 144(%0), %%xmm9; movdqu 160(%0), %%xmm10; movdqu 176(%0), %%xmm11\n\t"
		     "movdqu 192(%0), %%xmm12; movdqu 208(%0), %%xmm13; movdqu 224(%0), %%xmm14; movdqu 240(%0), %%xmm15"
		     : : "r" (before) : "memory");
}
static __always_inline void store(void)
{
	asm volatile("movdqu %%xmm0, (%0); movdqu %%xmm1, 16(%0); movdqu %%xmm2, 32(%0); movdqu %%xmm3, 48(%0)\n\t"
		     "movdqu %%xmm4, 64(%0); movdqu %%xmm5, 80(%0); movdqu %%xmm6, 96(%0); movdqu %%xmm7, 112(%0)\n\t"
		     "movdqu %%xmm8, 128(%0); movdqu %%xmm9, 144(%0); movdqu %%xmm10, 160(%0); movdqu %%xmm11, 176(%0)\n\t"
		     "movdqu %%xmm12, 192(%0); movdqu %%xmm13, 208(%0); movdqu %%xmm14, 224(%0); movdqu %%xmm15, 240(%0)"
		     : : "r" (after) : "memory");
}
static int __init in(void)
{
	char text[64];
	long number = 0;
	int i, len, usable = irq_fpu_usable();

	for (i = 0; i < 256; i++) before[i / 16][i % 16] = i * 7 + 1;
	kernel_fpu_begin();
	load();
	// Neither may use vector registers as far as the module can tell.
	len = snprintf(text, sizeof(text), "%pUb %*ph %s", before[0], 8, before[1], "and a string of some length");
	if (kstrtol("-123456", 10, &number)) number = 0;
	store();
	kernel_fpu_end();
	pr_info("vr: usable %d, same %d, %d bytes, %ld\n", usable, !memcmp(before, after, 256), len, number);
	pr_info("vr: %s\n", text);
	kernel_fpu_begin();
	load();
	len = kstrtol("42", 10, &number) + snprintf(text, sizeof(text), "%pI4", before[2]);
	store();
	kernel_fpu_end();
	pr_info("vr: again %d, may sleep %d\n", !memcmp(before, after, 256), !in_atomic());
	return 0;
}
static void __exit out(void) { }
module_init(in); module_exit(out);
MODULE_LICENSE("Dual MIT/GPL");
