// Parameters that taint the kernel, and those that describe hardware.
#include <linux/module.h>
static int plain; module_param(plain, int, 0644);
static int risky; module_param_unsafe(risky, int, 0644);
static bool flag; module_param_unsafe(flag, bool, 0600);
static int other; module_param_named_unsafe(named, other, int, 0444);
static int set(const char *val, const struct kernel_param *kp) { pr_info("un: set %s flags %d\n", kp->name, kp->flags); return *val == 'x' ? -EINVAL : 0; }
static const struct kernel_param_ops ops = { .set = set };
module_param_cb_unsafe(called, &ops, NULL, 0200);
static const struct kernel_param_ops empty = { .get = param_get_int };
module_param_cb_unsafe(unset, &empty, &plain, 0644);
static int io = 0x220; module_param_hw(io, int, ioport, 0444);
static int irq[2] = { 5, 7 }, irqs; module_param_hw_array(irq, int, irq, &irqs, 0444);
static uint mem; module_param_hw_named(memory, mem, uint, iomem, 0644);
static int show(const char *when) { pr_info("un: %s plain %d risky %d flag %d other %d io %x irq %d %d (%d) mem %u\n", when, plain, risky, flag, other, io, irq[0], irq[1], irqs, mem); return 0; }
static int __init unsafe_in(void) { return show("in"); }
static void __exit unsafe_out(void) { show("out"); }
module_init(unsafe_in); module_exit(unsafe_out);
MODULE_LICENSE("GPL");
MODULE_INFO(intree, "Y");
