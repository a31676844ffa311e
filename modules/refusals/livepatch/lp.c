// SPDX-License-Identifier: MIT OR GPL-2.0
#include <linux/module.h>
#include <linux/livepatch.h>

static char *how = "";
module_param(how, charp, 0444);
static int pre_result;
module_param(pre_result, int, 0644);

static int lp_answer(int n)
{
	return n + 100;
}

static int lp_other(int n)
{
	return n + 200;
}

static struct klp_func funcs[3] = {
	{ .old_name = "lt_answer", .new_func = lp_answer },
	{ .old_name = "lt_other", .new_func = lp_other },
};

static int before_patch(struct klp_object *obj)
{
	pr_info("lp: before %s, mod %d, patched %d\n", obj->name, !!obj->mod, obj->patched);
	return pre_result;
}

static void after_patch(struct klp_object *obj)
{
	pr_info("lp: after %s, mod %d, patched %d\n", obj->name, !!obj->mod, obj->patched);
}

static void before_unpatch(struct klp_object *obj)
{
	pr_info("lp: before undoing %s, mod %d, patched %d\n", obj->name, !!obj->mod, obj->patched);
}

static void after_unpatch(struct klp_object *obj)
{
	pr_info("lp: after undoing %s, mod %d, patched %d\n", obj->name, !!obj->mod, obj->patched);
}

static struct klp_object objs[2] = {
	{
		.name = "lt", .funcs = funcs,
		.callbacks = {
			.pre_patch = before_patch, .post_patch = after_patch,
			.pre_unpatch = before_unpatch, .post_unpatch = after_unpatch,
		},
	},
};

static struct klp_state states[] = { { .id = 7, .version = 2 }, {} };

static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objs };

static int __init lp_init(void)
{
	int err;

	pr_info("lp: in '%s'\n", how);
	if (!strcmp(how, "null"))
		return klp_enable_patch(NULL);
	if (!strcmp(how, "no module"))
		patch.mod = NULL;
	else if (!strcmp(how, "no objects"))
		patch.objs = NULL;
	else if (!strcmp(how, "no functions"))
		objs[0].funcs = NULL;
	else if (!strcmp(how, "unknown function"))
		funcs[1].old_name = "lt_nobody";
	else if (!strcmp(how, "no old name"))
		funcs[1].old_name = NULL;
	else if (!strcmp(how, "no new function"))
		funcs[1].new_func = NULL;
	else if (!strcmp(how, "first place"))
		funcs[1].old_sympos = 1;
	else if (!strcmp(how, "second place"))
		funcs[1].old_sympos = 2;
	else if (!strcmp(how, "not traced"))
		funcs[1].old_name = "lt_bare";
	else if (!strcmp(how, "new is no function"))
		funcs[1].new_func = (void *)16;
	else if (!strcmp(how, "twice"))
		funcs[1].old_name = "lt_answer";
	/* Not for the real kernel: lkm's own tests ask for it. */
	else if (!strcmp(how, "the kernel"))
		objs[0].name = NULL;
	else if (!strcmp(how, "states"))
		patch.states = states;
	if (patch.states)
		pr_info("lp: state 7 %d, state 8 %d\n", klp_get_state(&patch, 7) == states, !!klp_get_state(&patch, 8));
	err = klp_enable_patch(&patch);
	/* An enabled patch is complete before or after this. */
	if (err)
		pr_info("lp: %d\n", err);
	return err;
}

static void __exit lp_exit(void)
{
	pr_info("lp: out\n");
}
module_init(lp_init);
module_exit(lp_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_INFO(livepatch, "Y");
