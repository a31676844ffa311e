// Prints with every conversion, with flags, widths and buffer sizes that documents do not mention.
// T() shows the returned length and the text, S() a buffer that was full of Z. Compiled without builtins: gcc would
// compute some of the returned lengths itself.
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/ioport.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/bitmap.h>
#include <linux/rtc.h>
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/property.h>
#include <linux/string.h>
#include <linux/err.h>

static char big[4096];
#define T(fmt, ...) do { int n = snprintf(big, sizeof(big), fmt, ##__VA_ARGS__); int i; \
	printk(KERN_INFO "f2: %d %s\n", n, n > 700 ? "long" : big); } while (0)
#define S(sz, fmt, ...) do { int n; memset(big, 'Z', 64); n = snprintf(big, sz, fmt, ##__VA_ARGS__); \
	printk(KERN_INFO "f2: size %d: %d %*pE\n", sz, n, 24, big); } while (0)

static struct dentry d[4];
static void dentries(void)
{
	d[0].d_parent = &d[0]; d[0].d_name.name = "/";
	d[1].d_parent = &d[0]; d[1].d_name.name = "bravo";
	d[2].d_parent = &d[1]; d[2].d_name.name = "alfa";
	d[3].d_parent = &d[2]; d[3].d_name.name = "romeo";
	T("%pd|%pd2|%pd3|%pd4", &d[3], &d[3], &d[3], &d[3]);
	T("%pd|%pd2|%pd4", &d[0], &d[0], &d[2]);
	T("%-12pd2|%*pd2|%.3pd|%.7pd3|%-12.7pd3|", &d[2], 12, &d[2], &d[3], &d[3], &d[3]);
	T("%pd|%pd|%pD", NULL, (void *)0xab, NULL);
	S(6, "%12pd2", &d[2]);
	S(1, "%12pd2", &d[2]);
	S(12, "ab%9pd|", &d[1]);
}

static void res(void)
{
	struct resource r;
#define R(s, e, f) r = (struct resource){ .start = s, .end = e, .flags = f }; T("%pR|%pr", &r, &r)
	R(0x100000000ULL, 0x10fffffffULL, IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH | IORESOURCE_WINDOW | IORESOURCE_DISABLED);
	R(5, 5, IORESOURCE_IRQ);
	R(0, 0xff, IORESOURCE_BUS);
	R(3, 4, IORESOURCE_DMA);
	R(0, 0xfff, IORESOURCE_MEM | IORESOURCE_UNSET);
	R(1, 2, 0x80000000);
	R(0xffffffffffff0000ULL, 0xffffffffffffffffULL, IORESOURCE_MEM | IORESOURCE_MEM_64 | IORESOURCE_PREFETCH | IORESOURCE_WINDOW | IORESOURCE_DISABLED);
	T("%60pR|%-60pR|%.8pR", &r, &r, &r);
}

static void ip(void)
{
	static const char *a[] = { "fe800000000000000000000000001234", "00000000000000000000ffff0a010203",
		"20010db8000000010001000100010001", "20010000000000010000000000000001", "20010db8000000000001000000000001",
		"fe80000000000000000000000a0b0000", "fe8000000000000000005efe0a010203", "fe8000000000000002005efe0a010203",
		"00010002000300040005000600070000", "00000000000000010000000000000000", "00000000000000000000000000000000" };
	u8 b[16]; int i;
	struct sockaddr_in6 s6 = { .sin6_family = AF_INET6, .sin6_port = htons(12345), .sin6_flowinfo = htonl(0xf0000102), .sin6_scope_id = 9 };
	struct sockaddr_in s4 = { .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr un = { .sa_family = AF_UNIX };
	u8 v4[4] = { 1, 20, 255, 0 };
	for (i = 0; i < ARRAY_SIZE(a); i++) { hex2bin(b, a[i], 16); T("%pI6c %pI6 %pi6 %pi6c", b, b, b, b); }
	hex2bin(s6.sin6_addr.s6_addr, a[4], 16);
	T("%pISpfsc|%pISp|%pIS|%piSs|%pISsc|%pISfp", &s6, &s6, &s6, &s6, &s6, &s6);
	T("%pISph|%pIShp|%piSpn|%pISlb|%pISp|%-20pIS|", &s4, &s4, &s4, &s4, &s4, &s4);
	T("%6pISp|%06pISpfs|%+pISp", &s4, &s6, &s4);
	T("%pIS|%pI7|%piX|%pI|%20pI4|%-20pI4h|%.5pI4", &un, v4, v4, v4, v4, v4, v4);
	T("%pI4h %pI4n %pI4b %pI4l %pi4h", v4, v4, v4, v4, v4);
	T("%pM %pMF %pMR %pm %pmR %pmF %20pM|%-20pMR|%.5pM", b, b, b, b, b, b, b, b, b);
}

static void bits(void)
{
	unsigned long m[3] = { 0x00000000000a28acUL, ~0UL, 1 };
	T("%20pb|%*pb|%20pbl|%0pb|%pb|%1pb|%130pb|%130pbl|%65pbl", m, 20, m, m, m, m, m, m, m, m);
	T("%*pb|%*pbl|%33pb|%-20pb|%020pb", -20, m, -20, m, m, m, m);
}

static void bytes(void)
{
	u8 e[] = "\x1b \\C\a\"\x90\r]\0";
	u8 x[80]; int i; u32 f[] = { 0x3231564e, 0xb231564e, 0x10111213, 0x20303159, 0 };
	u8 u[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	for (i = 0; i < 80; i++) x[i] = i;
	T("%10pE|%10pEa|%10pEhp|%10pEo|%10pEh", e, e, e, e, e);
	T("%10pEc|%10pEs|%pE|%*pE|%10pEp", e, e, e, 0, e, e);
	T("%10pEnp|%10pEsp|%10pEcx|%10pEah|%10pEosp", e, e, e, e, e);
	T("%80phN|%3ph|%3phC|%3phD|%ph|%phN|%*ph|%0ph|%-3ph|%03phN", x, x, x, x, x, x, 0, x, x, x, x);
	T("%*phC|%.1ph", -3, x, x);
	for (i = 0; i < 5; i++) T("%p4cc|%40p4cc|%.4p4cc|%p4|%p4c", f + i, f + i, f + i, f + i, f + i);
	T("%pU|%pUb|%pUB|%pUl|%pUL|%pUx|%40pU|%-40pUl|%.8pUB", u, u, u, u, u, u, u, u, u);
	T("%pNF|%pN|%pa|%pap|%pad|%20pa|%pax", x, x, x, x, x, x, x);
}

static void times(void)
{
	time64_t t[] = { 0, -1, 951782400, 4107542399LL, -62135596800LL, 1546615943, 253402300800LL, -62167219201LL, 1LL << 55, -(1LL << 55) };
	struct rtc_time tm = { .tm_sec = 3, .tm_min = 35, .tm_hour = 5, .tm_mday = -1, .tm_mon = 10, .tm_year = 118 };
	int i;
	for (i = 0; i < ARRAY_SIZE(t); i++) T("%ptT|%ptTd|%ptTt|%ptTr|%ptTsr|%ptTdr", t + i, t + i, t + i, t + i, t + i, t + i);
	T("%pt|%ptX|%ptR|%ptRd|%ptRt|%ptRr|%ptRs|%ptRdtr|%ptRttr|%30ptR|%ptRsd", &tm, &tm, &tm, &tm, &tm, &tm, &tm, &tm, &tm, &tm, &tm);
}

static void flags(void)
{
	unsigned long z = 0, v[] = { 0x75, 0xffffffffUL, ~0UL, 0x1000000000000000UL }, p[] = { 0, 0x208003cUL, ~0UL, 1UL << 51, 5 };
	gfp_t g[] = { 0, GFP_TRANSHUGE, GFP_ATOMIC | __GFP_DMA, ~__GFP_BITS_MASK, 0xffffffff, 0x200, GFP_NOWAIT, GFP_HIGHUSER_MOVABLE | __GFP_COMP };
	int i;
	for (i = 0; i < 4; i++) T("%pGv|%20pGv", v + i, v + i);
	for (i = 0; i < 5; i++) T("%pGp", p + i);
	for (i = 0; i < 8; i++) T("%pGg", g + i);
	T("%pG|%pGx|%pGt|%pGv", v, v, v, NULL);
}

static void ptrs(void)
{
	T("%10p|%#p|%-18p|%p|%pk|%pus|%pks|%pux|%pkx", NULL, NULL, NULL, ERR_PTR(-2), big, "u", "k", big, big);
	T("%px|%20px|%-20px|%#px|%.20px|%8px", big - big + 0xabcd, 0xabcd, 0xabcd, 0xabcd, 0xabcd, 0xabcdef0123);
	T("%pe|%pe|%pe|%10pe|%-10pe|%.3pe|%pe", ERR_PTR(-2), ERR_PTR(-517), ERR_PTR(-4000), ERR_PTR(-5), ERR_PTR(-5), ERR_PTR(-5), NULL);
	T("%pe %pe %pe %pe %pe", ERR_PTR(-35), ERR_PTR(-41), ERR_PTR(-133), ERR_PTR(-512), ERR_PTR(-530));
	T("%pS|%ps|%pB|%pSR|%pSb|%pBb|%psb|%20pS|%-20ps|%.3ps", 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL, 0x123UL);
	T("%ps|%20ps|%-20ps|%.3ps", kfree, kfree, kfree, kfree);
	T("%pO|%pOF|%pOFx|%pf|%pfx|%20pOF|%pA", big, big, big, big, big, big, big);
	T("%pK|%pK|%20pK", NULL, ERR_PTR(-2), NULL);
	T("%pC|%pCn|%pCr|%pg|%pV", NULL, (void *)5, ERR_PTR(-1), NULL, NULL);
	T("%pM|%pI4|%pE|%ph|%pb|%pU|%pR|%pGg|%pa|%pt|%pd|%pD|%pC|%pg|%pfw|%pNF|%p4cc|%pIS", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
	T("%20pM|%-10pU|%.3pE|", 1, NULL, 3);
}

static void strs(void)
{
	T("%s|%.3s|%10s|%-10s|%2s|%.*s|%.2s|%-5.1s|%010s|%+s|%ls|%hs", "abc", "abcdef", "abc", "abc", "abc", -5, "abc", NULL, "abc", "z", "p", "l", "h");
	T("%s|%s|%.2s|%10s", NULL, (void *)5, NULL, ERR_PTR(-9));
	T("[%c][%5c][%-5c][%05c][%.3c][%5%][%-5%]", 'a', 'b', 'c', 'd', 'e');
	T("[%*c][%*s]", -4, 'x', -4, "y");
	S(5, "%10s", "abc"); S(12, "%10s|", "abc"); S(9, "%10s|", "abc"); S(8, "x%10s|", "abc"); S(0, "abc"); S(1, "abc"); S(3, "abc"); S(4, "abc");
	S(7, "%08d", 77); S(7, "%-8d|", 77); S(7, "%pM", big); S(7, "%#x", 0x123456); S(20, "%-30s|", "left");
	T("%d %", 5); T("%d %y %d", 5, 6); T("%n%d", big, 5); T("%f", 5); T("%hhhd", 1); T("%lld|%Ld|%LLd", 1LL, 2LL, 3LL);
	T("%8388608d|", 1); T("%8388607d|", 1); T("%.32768d|", 1); T("%.40000d|", 1); T("%*d", 1 << 30, 1); T("%.*d", 1 << 20, 1); T("%4294967300d|", 1); T("%-8388609d|", 1);
	T("%*d|", -8388608, 1); T("%99999999999d|", 7);
	T("%zd %zu %td %tu %zx %hho %hhX %hd %hu %hx %ld %lu %lx %lo", -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	T("%i %d %u %x %o %X", -1, 0x180000000, 0x180000000, 0x180000000, -1, -1);
	T("[%+5d][% 5d][%05d][%-05d][%+05d][% 05d][%+.3d][% .3d][%8.3d][%-8.3d][%08.3d][%+08.3d]", 7, 7, -7, -7, 7, 7, 7, 7, -7, -7, -7, 7);
	T("[%#x][%#X][%#o][%#8x][%#08x][%-#8x|][%#.5x][%#8.5x][%#o][%#x][%#.3o][%+x][%+u][% u]", 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 8, 5, 5, 5);
	T("[%+-5d|%-+5d|%0-5d|% +d|%+ d|%00005d|%----5d|]", 1, 2, 3, 4, 5, 6, 7);
}

static void scans(void)
{
	int a = -9, b = -9, c = -9; unsigned long l = 7; unsigned char h = 7; short s = 7; char t[32] = "", u[32] = ""; int n = -1;
#define SC(str, fmt, ...) do { int r; a = b = c = -9; l = 7; h = 7; s = 7; n = -1; memset(t, 0, 32); memset(u, 0, 32); r = sscanf(str, fmt, ##__VA_ARGS__); \
	printk(KERN_INFO "f2: scan %d: %d %d %d %lx %d %d %d '%s' '%s'\n", r, a, b, c, l, h, s, n, t, u); } while (0)
	SC("12 -34 0x1f", "%d %d %i", &a, &b, &c);
	SC("ff,0xFF,0x", "%x,%x,%x", &a, &b, &c);
	SC("123456", "%2d%3d%d", &a, &b, &c);
	SC("0x1", "%1i%s", &a, t);
	SC("0x1f", "%3i%s", &a, t);
	SC("0x1f", "%2i%s", &a, t);
	SC("-12", "%2d%s", &a, t);
	SC("-12", "%1d%s", &a, t);
	SC("300 300 -1", "%hhu %hd %lx", &h, &s, &l);
	SC("-1", "%u", &a);
	SC("08", "%o%n", &a, &n);
	SC("08", "%i%n", &a, &n);
	SC("99999999999999999999", "%lu", &l);
	SC("  one two", "%s %3s", t, u);
	SC("onetwo", "%3s%2s", t, u);
	SC("abc", "%2c%c", t, u);
	SC("a b", "%c%c", t, u);
	SC("ab", "%5c", t);
	SC("00:0a:95", "%2[^:]:%2[^:]:%x", t, u, &a);
	SC("abab", "%3[ab]%s", t, u);
	SC("abab", "%[ab]", t);
	SC("7% x", "%d%% %c%n", &a, t, &n);
	SC("skip 5", "%*s %d", &a);
	SC("skip5 5", "%*[a] %d", &a);
	SC("5 6", "%*d%d", &a);
	SC("x5", "y%d", &a);
	SC("", "%d", &a);
	SC("5", "%0d", &a);
	SC("5", "%d %d", &a, &b);
	SC("5 ", "%d %n", &a, &n);
	SC("5", "%d%n", &a, &n);
	SC("5", "%y", &a);
	SC("+5", "%d", &a);
	SC("1\t\n2", "%d %d", &a, &b);
	SC("12345678901", "%zu", &l);
	SC("1,2", "%d , %d", &a, &b);
	SC("ffffffffff", "%5x%n", &a, &n);
}


static const struct software_node n1 = { .name = "first" }, n2 = { .name = "second", .parent = &n1 }, n3 = { .name = "third", .parent = &n2 };
static const struct software_node *nodes[] = { &n1, &n2, &n3, NULL };
static void fw(void)
{
	if (software_node_register_node_group(nodes)) return;
	T("%pfw|%pfwf|%pfwP|%20pfwP|%-25pfw|%.3pfwP|%.3pfw", software_node_fwnode(&n2), software_node_fwnode(&n3), software_node_fwnode(&n3), software_node_fwnode(&n3), software_node_fwnode(&n3), software_node_fwnode(&n3), software_node_fwnode(&n3));
	software_node_unregister_node_group(nodes);
}

static void bdev(void)
{
	static struct gendisk g; static struct block_device b;
	b.bd_disk = &g; strcpy(g.disk_name, "nvme0n1");
	T("%pg|%12pg|%-12pg|", &b, &b, &b);
#ifdef BD_PARTNO
	atomic_set(&b.__bd_flags, 0x102);
#else
	b.bd_partno = 2;
#endif
	T("%pg|%12pg|%-12pg|%.3pg|", &b, &b, &b, &b);
	strcpy(g.disk_name, "sda");
	T("%pg|%6pg|%06pg|", &b, &b, &b);
}

static int __init in(void)
{
	strs(); ptrs(); dentries(); res(); ip(); bits(); bytes(); times(); flags(); scans(); fw(); bdev();
	return 0;
}
static void __exit out(void) { }
module_init(in);
module_exit(out);
MODULE_LICENSE("GPL");
