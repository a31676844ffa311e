// One kind of instruction a load: what=N. The block has 36 bytes, and begins 8 bytes behind a multiple of 16.
#include <linux/module.h>
#include <linux/slab.h>

static int what;
module_param(what, int, 0);

static noinline void calls(void)
{
	// Reports show the code before it, too, if that lies in the same page.
	asm volatile(".skip 64, 0x90; call *8(%0)" : : "a"(0ul) : "memory");
}

static int __init accesses_init(void)
{
	char *p = kmalloc(36, GFP_KERNEL), *q = kzalloc(64, GFP_KERNEL);
	unsigned long cx, si, di;

	switch (what) {
	case 1:
		asm volatile("movdqu 24(%0), %%xmm0" : : "r"(p) : "memory");
		break;
	case 2:
		asm volatile("lock cmpxchg16b 24(%0)" : : "r"(p), "a"(1ul), "d"(2ul), "b"(3ul), "c"(4ul) : "memory", "cc");
		break;
	case 3:
		asm volatile("lock btsq %1, (%0)" : : "r"(p), "a"(300ul) : "memory", "cc");
		break;
	case 4:
		cx = 39; si = (unsigned long)q + 38; di = (unsigned long)p + 38;
		asm volatile("std; rep movsb; cld" : "+c"(cx), "+S"(si), "+D"(di) : : "memory", "cc");
		break;
	case 5:
		cx = 10; di = (unsigned long)p;
		asm volatile("rep stosl" : "+c"(cx), "+D"(di) : "a"(0) : "memory");
		break;
	case 6:
		asm volatile("push 32(%0); pop %%rcx" : : "r"(p) : "rcx", "memory");
		break;
	case 7:
		asm volatile("addl $1, 33(%0)" : : "r"(p) : "memory", "cc");
		break;
	case 8:
		asm volatile("movb $1, (%0, %1, 4)" : : "r"(p), "r"(9ul) : "memory");
		break;
	case 9:
		asm volatile("jmp 1f; 2: movb $1, 36(%0); jmp 3f; 1: jmp 2b; 3:" : : "r"(p) : "memory");
		break;
	case 10:
		calls();
		break;
	}
	kfree(p);
	kfree(q);
	return 0;
}

static void __exit accesses_exit(void)
{
}
module_init(accesses_init);
module_exit(accesses_exit);
MODULE_LICENSE("GPL");
