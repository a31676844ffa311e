// Copies to and from programs that leave the stack, or what of it is in use: each ends its caller.
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/thread_info.h>

static int how;
module_param(how, int, 0);

static int __init us_in(void)
{
	char local[64];
	char *base = task_stack_page(current), *end = base + THREAD_SIZE;

	OPTIMIZER_HIDE_VAR(base);
	pr_info("us: case %d\n", how);
	switch (how) {
	case 0:
		__check_object_size(local, sizeof(local), true);
		__check_object_size(local + 60, 4, false);
		__check_object_size(local, end - local, true);
		__check_object_size(end - 8, 8, true);
		__check_object_size(base + 64, 0, true);
		break;
	case 1: __check_object_size(end - 8, 16, true); break;
	case 2: __check_object_size(end - 1, 2, false); break;
	case 3: __check_object_size(local, end - local + 1, true); break;
	case 4: __check_object_size(base - 8, 16, false); break;
	case 5: __check_object_size(base + 64, 8, true); break;
	case 6: __check_object_size(base, THREAD_SIZE, true); break;
	case 7: __check_object_size(base - 8, THREAD_SIZE + 16, true); break;
	}
	pr_info("us: copied\n");
	return 0;
}
static void __exit us_out(void) { }
module_init(us_in); module_exit(us_out);
MODULE_LICENSE("GPL");
