// Levels, prefixes and continued lines, as dmesg and the console see them.
#define pr_fmt(fmt) "bl: " fmt
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/kern_levels.h>

static int how;
module_param(how, int, 0);

static void levels(void)
{
	int i;

	pr_emerg("emergency\n"); pr_alert("alert\n"); pr_crit("critical\n"); pr_err("error\n");
	pr_warn("warning\n"); pr_notice("notice\n"); pr_info("information\n"); pr_debug("debug\n");
	for (i = 0; i < 8; i++)
		printk("%c%dbl: by number %d\n", KERN_SOH_ASCII, i, i);
	printk("bl: no level\n");
	printk(KERN_DEFAULT "bl: default\n");
	printk(KERN_SOH "cbl: continues nothing\n");
	printk(KERN_SOH "9bl: no such level\n");
	no_printk("never\n");
}

static void lines(void)
{
	pr_info("one"); pr_cont(", two"); pr_cont(", three\n");
	pr_info("open");
	pr_info("next\n");
	pr_info("two\nlines\n");
	pr_info("\n");
	pr_info("");
	pr_info("tab\tand %% and \001 and \033[1m and \200\n");
	pr_err_once("once\n"); pr_err_once("once\n");
	printk_ratelimited(KERN_WARNING "bl: limited\n");
	pr_info("trailing blank \n");
	print_hex_dump(KERN_INFO, "bl: hex ", DUMP_PREFIX_OFFSET, 16, 1, "abcdefghijklmnopqrs\001\002", 21, true);
	print_hex_dump_bytes("bl: bytes ", DUMP_PREFIX_NONE, "0123456789", 10);
	print_hex_dump_debug("bl: debug ", DUMP_PREFIX_NONE, 8, 4, "01234567", 8, false);
	pr_info("last without newline");
}

static int __init bell_in(void)
{
	if (how == 0) levels(); else lines();
	return 0;
}

static void __exit bell_out(void)
{
	pr_info("out\n");
}

module_init(bell_in);
module_exit(bell_out);
MODULE_LICENSE("Dual MIT/GPL");
