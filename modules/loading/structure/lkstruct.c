// What a module reads of its struct module, and the kernel's list of modules, left and entered again.
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/version.h>

#undef pr_fmt
#define pr_fmt(fmt) "ms: " fmt

int lkstruct_plain(void) { return 1; }
EXPORT_SYMBOL(lkstruct_plain);
int lkstruct_second = 2;
EXPORT_SYMBOL(lkstruct_second);
int lkstruct_gpl(void) { return 3; }
EXPORT_SYMBOL_GPL(lkstruct_gpl);

static DEFINE_PER_CPU(long, mine[3]);
static int number = 4;
module_param(number, int, 0444);
static char *word = "w";
module_param(word, charp, 0444);
static struct list_head *head; /* of all modules */

static void names(const char *what)
{
	struct module *m;

	pr_info("%s:", what);
	list_for_each_entry(m, head, list)
		pr_cont(" %s", m->name);
	pr_cont("\n");
}

static void users(void)
{
	struct module_use *use;

	pr_info("used by:");
	list_for_each_entry(use, &THIS_MODULE->source_list, source_list)
		pr_cont(" %s(%d)", use->source->name, use->target == THIS_MODULE);
	pr_cont(" uses:");
	list_for_each_entry(use, &THIS_MODULE->target_list, target_list)
		pr_cont(" %s", use->target->name);
	pr_cont("\n");
}

static void layout(struct module *m)
{
	unsigned long data = (unsigned long)&number, text = (unsigned long)lkstruct_plain, init = (unsigned long)m->init;

	pr_info("within %d %d init %d core %d %d none %d heap %d\n", within_module(text, m), within_module(data, m),
		within_module_init(init, m), within_module_core(text, m), within_module_core(init, m), within_module(0, m),
		within_module((unsigned long)head, m));
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	pr_info("core base %d ro %d text %d\n", ((unsigned long)m->core_layout.base & ~PAGE_MASK) == 0,
		m->core_layout.ro_size >= m->core_layout.text_size, m->core_layout.text_size >= PAGE_SIZE);
	pr_info("init size %d\n", m->init_layout.size != 0);
#else
	{
		int i;

		for (i = 0; i < MOD_MEM_NUM_TYPES; i++)
			pr_info("memory %d: %d %d\n", i, m->mem[i].base != NULL, m->mem[i].size != 0);
	}
#endif
}

static void members(struct module *m)
{
	int i;

	pr_info("state %d name %s version %s taints %lx sig %d async %d gplonly %d\n", m->state, m->name, m->version, m->taints,
		m->sig_ok, m->async_probe_requested, m->using_gplonly_symbols);
	pr_info("syms %u %d crcs %d gpl %u %d crcs %d\n", m->num_syms, within_module((unsigned long)m->syms, m), m->crcs != NULL,
		m->num_gpl_syms, within_module((unsigned long)m->gpl_syms, m), m->gpl_crcs != NULL);
	pr_info("params %u:", m->num_kp);
	for (i = 0; i < m->num_kp; i++)
		pr_cont(" %s(%d)", m->kp[i].name, m->kp[i].mod == m);
	pr_cont(" args '%s'\n", m->args);
	pr_info("percpu %d %u\n", m->percpu != NULL, m->percpu_size);
	pr_info("exceptions %u %d bugs %u calls %d\n", m->num_exentries, m->extable != NULL, m->num_bugs,
		m->num_ftrace_callsites > 5);
	pr_info("tracepoints %u srcu %u labels %u prints %u events %u\n", m->num_tracepoints,
		m->num_srcu_structs, m->num_jump_entries, m->num_trace_bprintk_fmt, m->num_trace_events);
	pr_info("kobject %s in %s, %d, holders %s\n", kobject_name(&m->mkobj.kobj), kobject_name(m->mkobj.kobj.parent),
		m->mkobj.mod == m, kobject_name(m->holders_dir));
	pr_info("init %d exit %d refcount %d\n", m->init != NULL, m->exit != NULL, atomic_read(&m->refcnt));
}

static int command(const char *value, const struct kernel_param *kp)
{
	if (sysfs_streq(value, "show"))
		members(THIS_MODULE);
	else if (sysfs_streq(value, "layout"))
		layout(THIS_MODULE);
	else if (sysfs_streq(value, "users"))
		users();
	else if (sysfs_streq(value, "names"))
		names("modules");
	else if (sysfs_streq(value, "hide"))
		list_del(&THIS_MODULE->list);
	else if (sysfs_streq(value, "hide-init"))
		list_del_init(&THIS_MODULE->list);
	else if (sysfs_streq(value, "return"))
		list_add(&THIS_MODULE->list, head);
	else if (sysfs_streq(value, "last"))
		list_move_tail(&THIS_MODULE->list, head);
	else
		return -EINVAL;
	return 0;
}
static const struct kernel_param_ops ops = { .set = command };
module_param_cb(command, &ops, NULL, 0200);

static int __init lkstruct_init(void)
{
	head = THIS_MODULE->list.prev;
	WARN_ON(!head);
	this_cpu_write(mine[1], 1);
	names("first");
	members(THIS_MODULE);
	layout(THIS_MODULE);
	return 0;
}

static void __exit lkstruct_exit(void)
{
	pr_info("exit: state %d refcount %d\n", THIS_MODULE->state, atomic_read(&THIS_MODULE->refcnt));
	users();
	names("last");
}
module_init(lkstruct_init);
module_exit(lkstruct_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("7.8");
