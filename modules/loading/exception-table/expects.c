// Its own exception table: faults that it expects. Only kernel addresses: with SMAP a fault at a user
// address outside of stac/clac is an oops in any case.
#include <linux/module.h>
#include <linux/uaccess.h>
#include <asm/asm.h>
static noinline int try_read(const int *p, int *v)
{
	int err = 0, r = 0;

	asm volatile("1: movl (%2), %1\n2:\n.section .fixup_own,\"ax\"\n3: movl $-14, %0\n jmp 2b\n.previous\n" _ASM_EXTABLE(1b, 3b) : "+r"(err), "+r"(r) : "r"(p) : "memory");
	*v = r;
	return err;
}
static noinline int try_write(int *p, int v)
{
	int err = 0;

	asm volatile("1: movl %2, (%1)\n jmp 2f\n3: movl $-14, %0\n2:\n" _ASM_EXTABLE(1b, 3b) : "+r"(err) : "r"(p), "r"(v) : "memory");
	return err;
}
static int __init expects_in(void)
{
	static const int fixed = 4;
	int n = 7, v = -1, r;

	r = try_read(&n, &v); pr_info("ex: read %d %d\n", r, v);
	r = try_read((int *)0x8000000000000000UL, &v); pr_info("ex: read not canonical %d %d\n", r, v);
	r = try_read((int *)-4096UL, &v); pr_info("ex: read error pointer %d %d\n", r, v);
	r = try_write(&n, 8); pr_info("ex: write %d %d\n", r, n);
	r = try_write((int *)&fixed, 8); pr_info("ex: write constant %d %d\n", r, READ_ONCE(fixed));
	r = get_kernel_nofault(v, &n); pr_info("ex: nofault %d %d\n", r, v);
	r = get_kernel_nofault(v, (int *)0x8000000000000000UL); pr_info("ex: nofault %d %d\n", r, v);
	return 0;
}
static void __exit expects_out(void) { }
module_init(expects_in); module_exit(expects_out);
MODULE_LICENSE("Dual MIT/GPL");
