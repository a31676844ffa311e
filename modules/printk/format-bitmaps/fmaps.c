// printk's formats: %pb, %p4cc.
#include <linux/module.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fmaps_in(void)
{
	DECLARE_BITMAP(m, 100);
	u32 cc = 0x34325241, big = 0xb4325241, odd = 0x20010a41, zero = 0;
	bitmap_zero(m, 100);
	P("empty [%*pb] [%*pbl]", 40, m, 40, m);
	__set_bit(1, m); __set_bit(2, m); __set_bit(3, m); __set_bit(7, m); __set_bit(39, m); __set_bit(98, m); __set_bit(99, m);
	P("b 8 [%*pb] 40 [%*pb] 100 [%*pb]", 8, m, 40, m, 100, m);
	P("bl 8 [%*pbl] 40 [%*pbl] 100 [%*pbl] 0 [%*pbl]", 8, m, 40, m, 100, m, 0, m);
	bitmap_fill(m, 100);
	P("full [%*pb] [%*pbl]", 33, m, 33, m);
	P("4cc [%p4cc] [%p4cc] [%p4cc] [%p4cc] width [%40p4cc]", &cc, &big, &odd, &zero, &cc);
	P("other [%p4c] [%p4] null [%p4cc] [%*pb]", &cc, &cc, NULL, 8, NULL);
	return 0;
}
static void __exit fmaps_out(void) { }
module_init(fmaps_in); module_exit(fmaps_out);
MODULE_LICENSE("Dual MIT/GPL");
