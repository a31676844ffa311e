// A member with the function of the guild.
#include <linux/module.h>
#include <linux/list.h>
#include "guild.h"
static struct member baker = { .ops = &guild_default, .number = 4 };
static int __init baker_in(void)
{
	int r = guild_join(&baker);

	pr_info("gd: baker joins: %d, count %d\n", r, guild_count);
	pr_info("gd: all work: %d\n", guild_work(5));
	return 0;
}
static void __exit baker_out(void) { guild_leave(&baker); pr_info("gd: after baker: %d\n", guild_work(5)); }
module_init(baker_in); module_exit(baker_out);
MODULE_LICENSE("Dual MIT/GPL");
