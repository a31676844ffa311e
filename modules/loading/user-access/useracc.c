// The accessors of user memory with registers of their own, and the interrupt flag, on addresses that are not the user's.
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/irqflags.h>
static int word = 7;
static unsigned long kept;
// Calls an accessor with a known value in every register that it must keep: how many did it change?
#define AROUND(call, rax, rcx, rdx, out_a, out_c, out_d)						\
({													\
	unsigned long wrong_, a_ = (rax), c_ = (rcx), d_ = (rdx);				\
	asm volatile("mov $0x51, %%rsi; mov $0x52, %%rdi; mov $0x53, %%r8; mov $0x54, %%r9\n\t"	\
		     "mov $0x55, %%r10; mov $0x56, %%r11\n\t"						\
		     "call " call "\n\t"								\
		     "xor %%ebx, %%ebx\n\t"								\
		     "cmp $0x51, %%rsi; je 1f; inc %%rbx\n1:\tcmp $0x52, %%rdi; je 2f; inc %%rbx\n2:\t"	\
		     "cmp $0x53, %%r8; je 3f; inc %%rbx\n3:\tcmp $0x54, %%r9; je 4f; inc %%rbx\n4:\t"	\
		     "cmp $0x55, %%r10; je 5f; inc %%rbx\n5:\tcmp $0x56, %%r11; je 6f; inc %%rbx\n6:\t"	\
		     "mov %%rbx, %0"									\
		     : "=m" (kept), "+a" (a_), "+c" (c_), "+d" (d_), ASM_CALL_CONSTRAINT : :		\
		     "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");			\
	wrong_ = kept; out_a = a_; out_c = c_; out_d = d_; wrong_;					\
})
static int __init in(void)
{
	unsigned long a, c, d, wrong, flags;
	char buf[4] = "abc";
	int x = 5, err;

	err = get_user(x, (int __user *)NULL); pr_info("ua: get NULL %d %d\n", err, x);
	x = 5; err = get_user(x, (int __user *)&word); pr_info("ua: get kernel %d %d\n", err, x);
	err = put_user(9, (int __user *)&word); pr_info("ua: put kernel %d %d\n", err, word);
	err = put_user((u8)9, (u8 __user *)NULL); pr_info("ua: put NULL %d\n", err);
	err = put_user((u64)9, (u64 __user *)-4096UL); pr_info("ua: put high %d\n", err);
	pr_info("ua: from NULL %lu\n", copy_from_user(buf, (void __user *)NULL, 3));
	pr_info("ua: zeroed %d %d %d %d\n", buf[0], buf[1], buf[2], buf[3]);
	strcpy(buf, "abc");
	pr_info("ua: to kernel %lu %s\n", copy_to_user((void __user *)buf, "xyz", 3), buf);
	pr_info("ua: clear kernel %lu\n", clear_user((void __user *)buf, 3));
	pr_info("ua: strncpy %ld\n", strncpy_from_user(buf, (void __user *)NULL, 3));
	pr_info("ua: strnlen %ld\n", strnlen_user((void __user *)NULL, 3));
	pr_info("ua: memdup %ld\n", PTR_ERR(memdup_user((void __user *)NULL, 3)));
	pr_info("ua: strndup %ld\n", PTR_ERR(strndup_user((void __user *)NULL, 3)));
	wrong = AROUND("__get_user_4", 0, 0x61, 0x62, a, c, d);
	pr_info("ua: get_user changed %lu: %d %lx %lx\n", wrong, (int)a, c, d);
	wrong = AROUND("__put_user_4", 0x63, 0, 0x64, a, c, d);
	pr_info("ua: put_user changed %lu: %lx %d %lx\n", wrong, a, (int)c, d);
	pr_info("ua: on %d\n", irqs_disabled());
	local_irq_save(flags);
	pr_info("ua: saved %d, off %d\n", !!(flags & 0x200), irqs_disabled());
	local_irq_restore(flags);
	local_irq_disable(); x = irqs_disabled(); local_irq_enable();
	pr_info("ua: off %d on %d\n", x, irqs_disabled());
	return 0;
}
static void __exit out(void) { }
module_init(in); module_exit(out);
MODULE_LICENSE("Dual MIT/GPL");
