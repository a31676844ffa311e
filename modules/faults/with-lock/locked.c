// A fault with a spin lock held: the task ends with a preempt count of 1.
#include <linux/module.h>
#include <linux/spinlock.h>
static DEFINE_SPINLOCK(lock);
static noinline void update(int *p) { spin_lock(&lock); WRITE_ONCE(*p, 1); spin_unlock(&lock); }
static int __init locked_in(void) { update((int *)0x40); pr_info("lk: never printed\n"); return 0; }
static void __exit locked_out(void) { pr_info("lk: out\n"); }
module_init(locked_in); module_exit(locked_out);
MODULE_LICENSE("Dual MIT/GPL");
