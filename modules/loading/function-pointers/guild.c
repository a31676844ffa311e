// Exports functions, data, a table of functions and a registry that other modules hang into.
#include <linux/module.h>
#include <linux/list.h>
#include "guild.h"
static LIST_HEAD(members);
int guild_count;
EXPORT_SYMBOL(guild_count);
const int guild_limits[3] = { 1, 20, 300 };
EXPORT_SYMBOL_GPL(guild_limits);
int guild_join(struct member *m) { list_add_tail(&m->node, &members); guild_count++; return m->ops->work ? m->ops->work(m, 1) : -ENOSYS; }
EXPORT_SYMBOL(guild_join);
void guild_leave(struct member *m) { list_del(&m->node); guild_count--; }
EXPORT_SYMBOL(guild_leave);
int guild_work(int n)
{
	struct member *m;
	int sum = 0;

	list_for_each_entry(m, &members, node) sum += m->ops->work(m, n);
	return sum;
}
EXPORT_SYMBOL_GPL(guild_work);
static int double_it(struct member *m, int n) { return 2 * n + m->number; }
const struct member_ops guild_default = { .work = double_it };
EXPORT_SYMBOL_GPL(guild_default);
static int __init guild_in(void) { pr_info("gd: in\n"); return 0; }
static void __exit guild_out(void) { pr_info("gd: out, count %d empty %d\n", guild_count, list_empty(&members)); }
module_init(guild_in); module_exit(guild_out);
MODULE_LICENSE("Dual MIT/GPL");
