// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/livepatch.h>

static bool replace;
module_param(replace, bool, 0444);
static int version;
module_param(version, int, 0444);

static bool outside;
module_param(outside, bool, 0444);

static int lq_answer(int n)
{
	return n + 1000;
}

static struct klp_func funcs[] = { { .old_name = "lt_answer", .new_func = lq_answer }, {} };
static struct klp_object objs[2];
static struct klp_state states[] = { { .id = 7 }, {} };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

/* Only while it is being enabled a patch sees what others did. */
static int before_patch(struct klp_object *obj)
{
	struct klp_state *state = klp_get_prev_state(7);

	pr_info("lq: state 7 was %d\n", state ? (int)state->version : -1);
	return 0;
}

static int __init lq_init(void)
{
	if (outside)
		pr_info("lq: outside %d\n", !!klp_get_prev_state(7));
	objs[0].name = "lt";
	objs[0].funcs = funcs;
	objs[0].callbacks.pre_patch = before_patch;
	patch.replace = replace;
	if (version) {
		states[0].version = version;
		patch.states = states;
	}
	return klp_enable_patch(&patch);
}

static void __exit lq_exit(void)
{
	pr_info("lq: out\n");
}
module_init(lq_init);
module_exit(lq_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_INFO(livepatch, "Y");
