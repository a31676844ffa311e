// Writes over the end of an array on the stack: the canary is destroyed.
#include <linux/module.h>
static noinline void fill(char *p, int n) { while (n--) WRITE_ONCE(*p++, 'x'); }
static noinline int smash(int n) { char room[16]; fill(room, n); return room[3]; }
static int __init smasher_in(void) { pr_info("ss: %d\n", smash(16)); pr_info("ss: never printed %d\n", smash(32)); return 0; }
static void __exit smasher_out(void) { pr_info("ss: out\n"); }
module_init(smasher_in); module_exit(smasher_out);
MODULE_LICENSE("Dual MIT/GPL");
