// printk's formats: %pR %pr %pa %pad.
#include <linux/module.h>
#include <linux/ioport.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fres_in(void)
{
	struct resource mem = { .name = "mem", .start = 0x1000, .end = 0x1fff, .flags = IORESOURCE_MEM };
	struct resource io = { .start = 0x3f8, .end = 0x3ff, .flags = IORESOURCE_IO };
	struct resource one = { .start = 0x60, .end = 0x60, .flags = IORESOURCE_IO };
	struct resource irq = { .start = 5, .end = 5, .flags = IORESOURCE_IRQ };
	struct resource dma = { .start = 2, .end = 2, .flags = IORESOURCE_DMA };
	struct resource bus = { .start = 0, .end = 0xff, .flags = IORESOURCE_BUS };
	struct resource big = { .start = 0x100000000ULL, .end = 0x1ffffffffULL, .flags = IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH | IORESOURCE_WINDOW | IORESOURCE_DISABLED };
	struct resource unset = { .start = 0, .end = 0xfff, .flags = IORESOURCE_MEM | IORESOURCE_UNSET };
	struct resource none = { .start = 1, .end = 2 };
	phys_addr_t pa = 0x12345;
	dma_addr_t da = 0xfff;
	P("R [%pR] [%pR] [%pR] [%pR] [%pR] [%pR]", &mem, &io, &one, &irq, &dma, &bus);
	P("big [%pR] unset [%pR] none [%pR]", &big, &unset, &none);
	P("r [%pr] [%pr] [%pr] [%pr]", &mem, &io, &big, &none);
	P("width [%50pR] [%-50pR]", &mem, &mem);
	P("a [%pa] ap [%pap] ad [%pad] width [%24pa]", &pa, &pa, &da, &pa);
	P("null [%pR] [%pa]", NULL, NULL);
	return 0;
}
static void __exit fres_out(void) { }
module_init(fres_in); module_exit(fres_out);
MODULE_LICENSE("Dual MIT/GPL");
