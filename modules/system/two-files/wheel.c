// A module of several files: shared data, init and exit parts in different files, initialisers of all kinds.
#include <linux/module.h>
#include <linux/init.h>
#include "mill.h"

static int turns __initdata = 3;
static const int limits[] __initconst = { 5, 10, 20 };
static int broken __read_mostly;
module_param(broken, int, 0644);
MODULE_PARM_DESC(broken, "fail with this errno");

static noinline int __init wheel_limit(unsigned int i)
{
	return i < ARRAY_SIZE(limits) ? limits[i] : -1;
}

int wheel_turn(int times)
{
	static int all;

	all += times;
	return all;
}

static int __init wheel_in(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sacks); i++)
		pr_info("ml: sack %s: %u of limit %d\n", sacks[i].label, stone_grind(&sacks[i]), wheel_limit(i));
	pr_info("ml: turned %d, ground %llu\n", wheel_turn(turns), ground);
	if (broken)
		stone_stop();
	return -broken;
}

static void __exit wheel_out(void)
{
	stone_stop();
	pr_info("ml: turned %d, ground %llu\n", wheel_turn(1), ground);
}

module_init(wheel_in);
module_exit(wheel_out);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Grinds");
MODULE_AUTHOR("lkm");
MODULE_VERSION("2:7-b");
