// Code that does what a module never should: system calls of its own, straight at the host.
// Only for lkm's kernel: on a real kernel the syscall instruction in kernel mode destroys the machine.
#include <linux/module.h>

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long result;

	asm volatile("syscall" : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

static char file[] = "/etc/passwd";
static char shell[] = "/bin/sh";
static char buffer[16];
static struct { void *base; unsigned long len; } here = { buffer, 8 }, there = { (void *)0x400000, 8 };

static int __init runaway_in(void)
{
	long parent = call(110, 0, 0, 0, 0, 0, 0);

	pr_info("ra: open %ld openat %ld\n", call(2, (long)file, 0, 0, 0, 0, 0), call(257, -100, (long)file, 0, 0, 0, 0));
	pr_info("ra: socket %ld unix %ld\n", call(41, 2, 1, 0, 0, 0, 0), call(41, 1, 1, 0, 0, 0, 0));
	pr_info("ra: execve %ld fork %ld vfork %ld\n", call(59, (long)shell, 0, 0, 0, 0, 0), call(57, 0, 0, 0, 0, 0, 0),
		call(58, 0, 0, 0, 0, 0, 0));
	pr_info("ra: kill all %ld init %ld thread %ld\n", call(62, -1, 9, 0, 0, 0, 0), call(62, 1, 9, 0, 0, 0, 0),
		call(234, 1, 1, 9, 0, 0, 0));
	pr_info("ra: ptrace %ld read %ld write %ld\n", call(101, 16, parent > 0 ? parent : 1, 0, 0, 0, 0),
		call(310, parent > 0 ? parent : 1, (long)&here, 1, (long)&there, 1, 0),
		call(311, parent > 0 ? parent : 1, (long)&here, 1, (long)&there, 1, 0));
	pr_info("ra: mount %ld unshare %ld setns %ld bpf %ld\n", call(165, 0, (long)file, 0, 0, 0, 0),
		call(272, 0x10000000, 0, 0, 0, 0, 0), call(308, 0, 0, 0, 0, 0, 0), call(321, 0, 0, 0, 0, 0, 0));
	pr_info("ra: unlink %ld rename %ld chmod %ld\n", call(87, (long)file, 0, 0, 0, 0, 0),
		call(82, (long)file, (long)shell, 0, 0, 0, 0), call(90, (long)file, 0777, 0, 0, 0, 0));
	return 0;
}

static void __exit runaway_out(void)
{
	pr_info("ra: still here\n");
}

module_init(runaway_in);
module_exit(runaway_out);
MODULE_LICENSE("Dual MIT/GPL");
