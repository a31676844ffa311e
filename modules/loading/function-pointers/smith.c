// A member with its own function.
#include <linux/module.h>
#include <linux/list.h>
#include "guild.h"
static int forge(struct member *m, int n) { return n * n + m->number + guild_limits[1]; }
static const struct member_ops ops = { .work = forge };
static struct member smith = { .ops = &ops, .number = 3 };
static int __init smith_in(void)
{
	int r = guild_join(&smith);

	pr_info("gd: smith joins: %d, count %d\n", r, guild_count);
	pr_info("gd: all work: %d\n", guild_work(5));
	return 0;
}
static void __exit smith_out(void) { guild_leave(&smith); pr_info("gd: after smith: %d\n", guild_work(5)); }
module_init(smith_in); module_exit(smith_out);
MODULE_LICENSE("Dual MIT/GPL");
