// percpu_counter: batches, sums, comparisons.
#include <linux/module.h>
#include <linux/percpu_counter.h>
static struct percpu_counter c;
static int __init pc_in(void)
{
	int i;

	pr_info("pc: init %d", percpu_counter_init(&c, 100, GFP_KERNEL));
	pr_cont(" there %d read %lld sum %lld batch %d\n", percpu_counter_initialized(&c), percpu_counter_read(&c), percpu_counter_sum(&c), percpu_counter_batch);
	preempt_disable();
	for (i = 0; i < 10; i++)
		percpu_counter_inc(&c);
	pr_info("pc: small ones read %lld sum %lld\n", percpu_counter_read(&c), percpu_counter_sum(&c));
	percpu_counter_add(&c, 1000);
	pr_info("pc: a large one read %lld sum %lld\n", percpu_counter_read(&c), percpu_counter_sum(&c));
	percpu_counter_sub(&c, 20);
	percpu_counter_add_batch(&c, 5, 3);
	pr_info("pc: own batch read %lld sum %lld\n", percpu_counter_read(&c), percpu_counter_sum(&c));
	percpu_counter_sub(&c, 7);
	pr_info("pc: before sync %lld", percpu_counter_read(&c));
	percpu_counter_sync(&c);
	preempt_enable();
	pr_cont(" after %lld\n", percpu_counter_read(&c));
	pr_info("pc: compare %d %d %d far %d %d\n", percpu_counter_compare(&c, 1087), percpu_counter_compare(&c, 1088), percpu_counter_compare(&c, 1089),
		percpu_counter_compare(&c, -100000), percpu_counter_compare(&c, 100000));
	percpu_counter_set(&c, -5);
	pr_info("pc: set %lld positive %lld sum %lld sum positive %lld\n", percpu_counter_read(&c), percpu_counter_read_positive(&c), percpu_counter_sum(&c), percpu_counter_sum_positive(&c));
	percpu_counter_destroy(&c);
	pr_info("pc: there %d\n", percpu_counter_initialized(&c));
	return 0;
}
static void __exit pc_out(void) { }
module_init(pc_in); module_exit(pc_out);
MODULE_LICENSE("GPL");
