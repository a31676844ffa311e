// Per-CPU variables of a module, static and allocated, one of them exported.
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/cpumask.h>
struct tally { int hits; long sum; };
static DEFINE_PER_CPU(int, start) = 40;
static DEFINE_PER_CPU(struct tally, tallies);
static DEFINE_PER_CPU_ALIGNED(char[64], lines);
DEFINE_PER_CPU(int, shared_count) = 5;
EXPORT_PER_CPU_SYMBOL_GPL(shared_count);
static int __init percpus_in(void)
{
	struct tally __percpu *t = alloc_percpu(struct tally);
	int cpu, fresh = 0, zero = 0, aligned = 0, distinct = 0, sum = 0, n = 0;

	if (!t) return -ENOMEM;
	for_each_possible_cpu(cpu) {
		n++;
		fresh += per_cpu(start, cpu) == 40;
		zero += per_cpu_ptr(t, cpu)->hits == 0 && per_cpu(tallies, cpu).sum == 0;
		aligned += ((unsigned long)per_cpu_ptr(&lines, cpu) & 63) == 0;
		distinct += cpu == 0 || per_cpu_ptr(&start, cpu) != per_cpu_ptr(&start, cpu - 1);
		per_cpu(start, cpu) += cpu;
	}
	pr_info("pc: all fresh %d zero %d aligned %d distinct %d\n", fresh == n, zero == n, aligned == n, distinct == n);
	preempt_disable();
	cpu = smp_processor_id();
	this_cpu_inc(tallies.hits); this_cpu_add(tallies.sum, 9); __this_cpu_inc(tallies.hits);
	this_cpu_write(t->sum, 7); this_cpu_add(t->hits, 3);
	pr_info("pc: this %d %ld %d %ld %d\n", this_cpu_read(tallies.hits), per_cpu(tallies, cpu).sum, per_cpu_ptr(t, cpu)->hits, this_cpu_ptr(t)->sum, this_cpu_read(start) == 40 + cpu);
	pr_info("pc: xchg %d\n", this_cpu_xchg(tallies.hits, 20));
	pr_info("pc: cmpxchg %d\n", this_cpu_cmpxchg(tallies.hits, 20, 30));
	pr_info("pc: other cmpxchg %d\n", this_cpu_cmpxchg(tallies.hits, 20, 31));
	pr_info("pc: add %d\n", this_cpu_add_return(tallies.hits, 5));
	pr_info("pc: now %d\n", this_cpu_read(tallies.hits));
	get_cpu_var(start) = 1; put_cpu_var(start);
	pr_info("pc: get_cpu_var %d\n", per_cpu(start, cpu));
	preempt_enable();
	for_each_possible_cpu(cpu) sum += per_cpu(shared_count, cpu);
	pr_info("pc: shared %d online within possible %d\n", sum == 5 * n, cpumask_subset(cpu_online_mask, cpu_possible_mask));
	free_percpu(t);
	return 0;
}
static void __exit percpus_out(void) { }
module_init(percpus_in); module_exit(percpus_out);
MODULE_LICENSE("Dual MIT/GPL");
