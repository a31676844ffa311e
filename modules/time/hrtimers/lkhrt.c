// hrtimers: results, repeats, context, forwarding, waiting.
#include <linux/module.h>
#include <linux/hrtimer.h>
#include <linux/delay.h>
#include <linux/ktime.h>

static struct hrtimer one, many, slow, soft;
static int rang, repeats, soft_rang;
static bool hard_ok, soft_ok, never_early = true, slow_began, slow_ended;
static ktime_t due;
static enum hrtimer_restart ring(struct hrtimer *t)
{
	rang++;
	hard_ok = in_hardirq() && in_interrupt() && irqs_disabled();
	never_early &= ktime_compare(ktime_get(), due) >= 0;
	return HRTIMER_NORESTART;
}
static enum hrtimer_restart repeat(struct hrtimer *t)
{
	repeats++;
	if (repeats == 5)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(t, ms_to_ktime(2));
	return HRTIMER_RESTART;
}
static enum hrtimer_restart linger(struct hrtimer *t)
{
	slow_began = true;
	mdelay(60);
	slow_ended = true;
	return HRTIMER_NORESTART;
}
static enum hrtimer_restart softly(struct hrtimer *t)
{
	soft_rang++;
	soft_ok = in_serving_softirq() && !irqs_disabled();
	return HRTIMER_NORESTART;
}
static int __init hrt_in(void)
{
	ktime_t start;
	int ran;

	hrtimer_init(&one, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	one.function = ring;
	hrtimer_init(&many, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	many.function = repeat;
	hrtimer_init(&slow, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	slow.function = linger;
	hrtimer_init(&soft, CLOCK_REALTIME, HRTIMER_MODE_REL_SOFT);
	soft.function = softly;
	pr_info("hr: new active %d cancel %d\n", hrtimer_active(&one), hrtimer_cancel(&one));
	hrtimer_start(&one, ms_to_ktime(100000), HRTIMER_MODE_REL);
	pr_info("hr: started active %d queued %d", hrtimer_active(&one), hrtimer_is_queued(&one));
	pr_cont(" left %d", ktime_to_ms(hrtimer_get_remaining(&one)) > 99000);
	pr_cont(" try %d", hrtimer_try_to_cancel(&one));
	pr_cont(" again %d active %d\n", hrtimer_try_to_cancel(&one), hrtimer_active(&one));
	due = ktime_add_ms(ktime_get(), 10);
	hrtimer_start(&one, due, HRTIMER_MODE_ABS);
	msleep(60);
	pr_info("hr: rang %d hard %d never early %d active %d\n", rang, hard_ok, never_early, hrtimer_active(&one));
	hrtimer_start(&many, ms_to_ktime(1), HRTIMER_MODE_REL);
	msleep(100);
	pr_info("hr: repeats %d active %d\n", repeats, hrtimer_active(&many));
	start = hrtimer_get_expires(&many);
	pr_info("hr: forward %llu moved %lld\n", hrtimer_forward(&many, ktime_add_us(start, 3500), ms_to_ktime(1)),
		ktime_to_us(ktime_sub(hrtimer_get_expires(&many), start)));
	hrtimer_start(&slow, ms_to_ktime(1), HRTIMER_MODE_REL);
	while (!READ_ONCE(slow_began))
		usleep_range(500, 1000);
	ran = hrtimer_cancel(&slow);
	pr_info("hr: cancel running %d ended %d\n", ran, slow_ended);
	hrtimer_start(&soft, ms_to_ktime(5), HRTIMER_MODE_REL_SOFT);
	msleep(60);
	pr_info("hr: soft %d ok %d\n", soft_rang, soft_ok);
	start = ktime_set(0, 20 * NSEC_PER_MSEC);
	due = ktime_get();
	set_current_state(TASK_UNINTERRUPTIBLE);
	pr_info("hr: slept %d", schedule_hrtimeout(&start, HRTIMER_MODE_REL));
	pr_cont(" long enough %d\n", ktime_ms_delta(ktime_get(), due) >= 20);
	return 0;
}
static void __exit hrt_out(void)
{
	hrtimer_start(&one, ms_to_ktime(100000), HRTIMER_MODE_REL);
	pr_info("hr: at the end %d\n", hrtimer_cancel(&one));
}
module_init(hrt_in); module_exit(hrt_out);
MODULE_LICENSE("Dual MIT/GPL");
