// Who runs the module's code, and how time passes for it.
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/delay.h>
#include <linux/smp.h>
#include <linux/preempt.h>
#include <linux/utsname.h>
#include <linux/cred.h>
#include <linux/uidgid.h>

static int __init visitor_in(void)
{
	unsigned long start = jiffies;
	ktime_t before = ktime_get();

	pr_info("vs: in: %s, group leader %d, kthread %d, user %u\n", current->comm, current == current->group_leader,
		!!(current->flags & PF_KTHREAD), from_kuid(&init_user_ns, current_uid()));
	pr_info("vs: pid is tgid %d, parent %s\n", current->pid == current->tgid, current->real_parent ? "yes" : "no");
	pr_info("vs: preempt %x, interrupt %d, atomic %d, irqs off %d\n", preempt_count(), !!in_interrupt(), !!in_atomic(),
		!!irqs_disabled());
	msleep(30);
	pr_info("vs: slept %d, jiffies %d, hz %d\n", ktime_ms_delta(ktime_get(), before) >= 30,
		time_after_eq(jiffies, start + msecs_to_jiffies(29)), HZ);
	pr_info("vs: cpu %d, state %u\n", raw_smp_processor_id() < nr_cpu_ids, READ_ONCE(current->__state));
	pr_info("vs: real time %d\n", ktime_get_real_seconds() > 1600000000);
	return 0;
}

static void __exit visitor_out(void)
{
	pr_info("vs: out: %s, mm %d\n", current->comm, !!current->mm);
}

module_init(visitor_in);
module_exit(visitor_out);
MODULE_LICENSE("Dual MIT/GPL");
