#include <linux/kernel.h>
#include <linux/module.h>
#include "mill.h"

struct sack sacks[4] = { { "rye", GRAINS }, { "oat", GRAINS * 2 }, { .label = "none" }, { "wheat", 1000 } };
unsigned long long ground;
static const char * const names[] = { "idle", "slow", "fast" };
static const char *state;

unsigned int stone_grind(struct sack *sack)
{
	unsigned int take = min(sack->grains, 100u);

	sack->grains -= take;
	ground += take;
	state = names[take == 100 ? 2 : take ? 1 : 0];
	pr_info("ml: %s %-5s %s\n", KBUILD_MODNAME, sack->label, state);
	return take;
}

void stone_stop(void)
{
	pr_info("ml: %s after %s, by %s\n", names[0], state, THIS_MODULE->name);
	state = NULL;
}
MODULE_INFO(stone, "granite");
