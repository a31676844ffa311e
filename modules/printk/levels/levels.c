// Each level, by pr_*() and by KERN_*, and printk without one.
#include <linux/module.h>
static int __init levels_in(void)
{
	int n;

	pr_emerg("lv: emerg\n"); pr_alert("lv: alert\n"); pr_crit("lv: crit\n"); pr_err("lv: err\n");
	pr_warn("lv: warn\n"); pr_notice("lv: notice\n"); pr_info("lv: info\n"); pr_debug("lv: pr_debug is not shown\n");
	printk(KERN_EMERG "lv: KERN_EMERG\n"); printk(KERN_ALERT "lv: KERN_ALERT\n"); printk(KERN_CRIT "lv: KERN_CRIT\n");
	printk(KERN_ERR "lv: KERN_ERR\n"); printk(KERN_WARNING "lv: KERN_WARNING\n"); printk(KERN_NOTICE "lv: KERN_NOTICE\n");
	printk(KERN_INFO "lv: KERN_INFO\n"); printk(KERN_DEBUG "lv: KERN_DEBUG\n"); printk(KERN_DEFAULT "lv: KERN_DEFAULT\n");
	printk("lv: no level\n");
	printk("<3>lv: old style\n");
	printk("%slv: level by argument\n", KERN_ERR);
	printk(KERN_SOH "c" "lv: continued on nothing\n");
	printk(KERN_SOH "9" "lv: not a level\n");
	printk(KERN_SOH "3" KERN_SOH "6" "lv: two levels\n");
	n = printk(KERN_INFO "lv: count\n");
	pr_info("lv: returned %d\n", n);
	return 0;
}
static void __exit levels_out(void) { }
module_init(levels_in); module_exit(levels_out);
MODULE_LICENSE("Dual MIT/GPL");
