#include <linux/module.h>
extern int held_number(int n); extern int held_more(int n);
static int __init b_in(void) { pr_info("ho: both %d\n", held_more(held_number(1))); return 0; }
static void __exit b_out(void) { }
module_init(b_in); module_exit(b_out);
MODULE_LICENSE("GPL");
