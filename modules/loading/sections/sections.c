// Large, aligned and special sections.
#include <linux/module.h>
#include <linux/cache.h>
static char large[8 << 20];
static char page[4096] __aligned(4096) = { 1, 2, 3 };
static int often __read_mostly = 6;
static int line ____cacheline_aligned = 7;
static int once __ro_after_init = 8;
static const char text[] = "constant text";
static const char *const names[] = { "ant", "bee", "cow" };
static int (*const functions[])(const char *, const char *) = { strcmp, strcasecmp };
static struct { int a; char *b; } table[] = { { 1, page }, { 2, large }, { 3, (char *)text } };
static int __initdata early = 9;
static const int __initconst early_const[3] = { 1, 2, 3 };
static char named[16] __section(".data.own") = "own section";
static noinline __section(".text.own") int own_text(int n) { return n * 3; }
static int __init sections_in(void)
{
	size_t i, set = 0;

	for (i = 0; i < sizeof(large); i++) set += large[i] != 0;
	pr_info("se: bss not zero %zu\n", set);
	large[0] = 1; large[sizeof(large) - 1] = 2;
	pr_info("se: page aligned %d line aligned %d data %d %d %d %d\n", !((unsigned long)page & 4095), !((unsigned long)&line & 63), page[2], often, line, once);
	pr_info("se: %s %s %s %d %d\n", text, names[0], names[2], functions[0]("a", "a"), functions[1]("Ab", "aB"));
	pr_info("se: table %d %d %d\n", table[0].b == page, table[1].b == large, table[2].b == text);
	pr_info("se: init data %d %d own %s %d\n", early, early_const[2], named, own_text(14));
	once = 10;
	return 0;
}
static void __exit sections_out(void) { pr_info("se: out %d %d\n", once, large[sizeof(large) - 1]); }
module_init(sections_in); module_exit(sections_out);
MODULE_LICENSE("Dual MIT/GPL");
