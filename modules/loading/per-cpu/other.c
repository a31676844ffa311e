// Uses another module's per-CPU variable.
#include <linux/module.h>
#include <linux/percpu.h>
DECLARE_PER_CPU(int, shared_count);
static int __init other_in(void)
{
	int cpu, n = 0, sum = 0;

	for_each_possible_cpu(cpu) { n++; per_cpu(shared_count, cpu) += 1; }
	this_cpu_add(shared_count, 100);
	for_each_possible_cpu(cpu) sum += per_cpu(shared_count, cpu);
	pr_info("pc: other sees %d more\n", sum - 6 * n);
	return 0;
}
static void __exit other_out(void) { }
module_init(other_in); module_exit(other_out);
MODULE_LICENSE("Dual MIT/GPL");
