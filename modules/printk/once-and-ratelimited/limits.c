// pr_*_once and pr_*_ratelimited.
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/delay.h>
static DEFINE_RATELIMIT_STATE(own, HZ / 2, 3);
static noinline void own_limit(int n) { if (__ratelimit(&own)) pr_info("lm: own %d\n", n); }
static noinline void info_limit(int n) { pr_info_ratelimited("lm: info %d\n", n); }
static noinline void once(int n) { pr_info_once("lm: info once %d\n", n); pr_err_once("lm: err once %d\n", n); printk_once(KERN_WARNING "lm: printk once %d\n", n); }
static int __init limits_in(void)
{
	int i;

	for (i = 0; i < 3; i++) once(i);
	for (i = 0; i < 14; i++) info_limit(i);
	for (i = 0; i < 5; i++) own_limit(i);
	msleep(700);
	own_limit(100);
	for (i = 0; i < 12; i++) printk_ratelimited(KERN_NOTICE "lm: other place %d\n", i);
	return 0;
}
static void __exit limits_out(void) { info_limit(200); own_limit(201); }
module_init(limits_in); module_exit(limits_out);
MODULE_LICENSE("Dual MIT/GPL");
