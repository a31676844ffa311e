// printk's formats: %pt.
#include <linux/module.h>
#include <linux/rtc.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init ftimes_in(void)
{
	struct rtc_time t = { .tm_year = 99, .tm_mon = 11, .tm_mday = 31, .tm_hour = 23, .tm_min = 59, .tm_sec = 58 };
	struct rtc_time bad = { .tm_year = -5, .tm_mon = 14, .tm_mday = 77, .tm_hour = 99, .tm_min = 61, .tm_sec = 100 };
	time64_t s = 1234567890, zero = 0, late = 32503680000LL, before = -1;
	P("R [%ptR] d [%ptRd] t [%ptRt] r [%ptRr] dr [%ptRdr] s [%ptRs] ds [%ptRds]", &t, &t, &t, &t, &t, &t, &t);
	P("bad [%ptR] [%ptRd] r [%ptRr]", &bad, &bad, &bad);
	P("T [%ptT] d [%ptTd] t [%ptTt] s [%ptTs] r [%ptTr]", &s, &s, &s, &s, &s);
	P("T0 [%ptT] late [%ptT] before [%ptT]", &zero, &late, &before);
	P("other [%pt] [%ptx] width [%25ptR]", &t, &t, &t);
	P("null [%ptR] [%ptT]", NULL, NULL);
	return 0;
}
static void __exit ftimes_out(void) { }
module_init(ftimes_in); module_exit(ftimes_out);
MODULE_LICENSE("Dual MIT/GPL");
