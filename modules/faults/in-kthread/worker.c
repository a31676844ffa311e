// A fault in a kernel thread: only the thread ends.
#include <linux/module.h>
#include <linux/kthread.h>
static noinline void work(int *p) { pr_info("kt: working\n"); WRITE_ONCE(*p, 1); }
static int thread(void *data) { work(data); pr_info("kt: never printed\n"); return 0; }
static int __init worker_in(void)
{
	struct task_struct *t = kthread_run(thread, (void *)0x50, "lathe/%d", 1);

	pr_info("kt: started %d\n", PTR_ERR_OR_ZERO(t));
	return 0;
}
static void __exit worker_out(void) { pr_info("kt: out\n"); }
module_init(worker_in); module_exit(worker_out);
MODULE_LICENSE("Dual MIT/GPL");
