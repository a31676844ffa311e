// timer_list: results, pending, context, order, re-arming, waiting for a handler, conversions of time.
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/completion.h>
#include <linux/slab.h>

struct bell { struct timer_list t; int n, more; };
static struct bell bells[6];
static int order[16], rung;
static bool context_ok = true, never_early = true;
static void ring(struct timer_list *t)
{
	struct bell *b = from_timer(b, t, t);

	order[rung++ & 15] = b->n;
	context_ok &= in_interrupt() && in_softirq() && in_serving_softirq() && !in_task() && !in_hardirq() && !irqs_disabled();
	context_ok &= !timer_pending(t);
	never_early &= !time_before(jiffies, t->expires);
	if (b->more-- > 0)
		mod_timer(t, jiffies + 2);
}
static bool slow_began, slow_ended;
static void slow(struct timer_list *t) { slow_began = true; mdelay(60); slow_ended = true; }
static DEFINE_TIMER(slow_timer, slow);
static void rearm(struct timer_list *t) { mod_timer(t, jiffies + 1); }
static DEFINE_TIMER(endless, rearm);
static int woken;
static void wake(struct timer_list *t) { woken++; }
static DEFINE_TIMER(waker, wake);
static DECLARE_COMPLETION(rang);
static void finish(struct timer_list *t) { complete(&rang); }
static DEFINE_TIMER(finisher, finish);

static int __init tmr_in(void)
{
	unsigned long start;
	int i;

	for (i = 0; i < 6; i++) {
		timer_setup(&bells[i].t, ring, 0);
		bells[i].n = i;
	}
	pr_info("tm: new pending %d del %d sync %d try %d\n", timer_pending(&bells[0].t), del_timer(&bells[0].t),
		del_timer_sync(&bells[0].t), try_to_del_timer_sync(&bells[0].t));
	bells[0].t.expires = jiffies + 100 * HZ;
	add_timer(&bells[0].t);
	pr_info("tm: added pending %d", timer_pending(&bells[0].t));
	pr_cont(" mod %d", mod_timer(&bells[0].t, jiffies + 200 * HZ));
	pr_cont(" del %d", del_timer(&bells[0].t));
	pr_cont(" again %d pending %d\n", del_timer(&bells[0].t), timer_pending(&bells[0].t));
	pr_info("tm: mod idle %d", mod_timer(&bells[0].t, jiffies + 100 * HZ));
	start = bells[0].t.expires;
	pr_cont(" same %d", mod_timer(&bells[0].t, start));
	pr_cont(" reduce later %d kept %d", timer_reduce(&bells[0].t, start + 10 * HZ), bells[0].t.expires == start);
	pr_cont(" reduce sooner %d moved %d", timer_reduce(&bells[0].t, start - 10 * HZ), bells[0].t.expires == start - 10 * HZ);
	pr_cont(" del sync %d", del_timer_sync(&bells[0].t));
	pr_cont(" mod pending idle %d pending %d\n", mod_timer_pending(&bells[0].t, jiffies + HZ), timer_pending(&bells[0].t));
	for (i = 0; i < 5; i++)
		mod_timer(&bells[i].t, jiffies + (i == 2 ? 2 : 4 * (6 - i)));
	msleep(200);
	pr_info("tm: order %d %d %d %d %d of %d\n", order[0], order[1], order[2], order[3], order[4], rung);
	rung = 0;
	bells[5].more = 3;
	bells[5].t.expires = jiffies;
	add_timer(&bells[5].t);
	msleep(100);
	pr_info("tm: rearmed itself, rang %d pending %d\n", rung, timer_pending(&bells[5].t));
	rung = 0;
	mod_timer(&bells[1].t, jiffies - 10);
	msleep(20);
	pr_info("tm: in the past, rang %d\n", rung);
	pr_info("tm: context %d never early %d\n", context_ok, never_early);
	mod_timer(&slow_timer, jiffies + 1);
	while (!READ_ONCE(slow_began))
		msleep(1);
	i = del_timer_sync(&slow_timer);
	pr_info("tm: running sync %d ended %d pending %d\n", i, slow_ended, timer_pending(&slow_timer));
	mod_timer(&endless, jiffies + 1);
	msleep(50);
	del_timer_sync(&endless);
	msleep(20);
	pr_info("tm: endless stopped, pending %d\n", timer_pending(&endless));
	mod_timer(&waker, jiffies + 3);
	start = jiffies;
	while (!READ_ONCE(woken) && time_before(jiffies, start + 5 * HZ))
		cpu_relax();
	pr_info("tm: rang while somebody spins %d\n", woken);
	mod_timer(&finisher, jiffies + 5);
	pr_info("tm: a handler completes %d\n", wait_for_completion_timeout(&rang, 10 * HZ) > 0);
	pr_info("tm: jiffies of ms %lu %lu %lu %lu us %lu %lu\n", msecs_to_jiffies(0), msecs_to_jiffies(1), msecs_to_jiffies(1001),
		msecs_to_jiffies(-1), usecs_to_jiffies(3999), usecs_to_jiffies(4001));
	pr_info("tm: ms %u us %u clock %ld back %lu ns %llu\n", jiffies_to_msecs(251), jiffies_to_usecs(3), (long)jiffies_to_clock_t(250),
		clock_t_to_jiffies(100), jiffies64_to_nsecs(3));
	pr_info("tm: ns %lu %llu ms64 %llu\n", nsecs_to_jiffies(10000001), nsecs_to_jiffies64(3999999), jiffies64_to_msecs(1000));
	return 0;
}
static void __exit tmr_out(void)
{
	mod_timer(&bells[0].t, jiffies + 100 * HZ);
	pr_info("tm: at the end %d\n", del_timer_sync(&bells[0].t));
}
module_init(tmr_in); module_exit(tmr_out);
MODULE_LICENSE("Dual MIT/GPL");
