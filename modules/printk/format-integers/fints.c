// printk's formats: integers with all flags, widths, precisions and sizes.
#include <linux/module.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fints_in(void)
{
	P("[%d] [%i] [%5d] [%-5d] [%05d] [%+d] [% d] [%+5d] [%-+5d] [% 05d]", 42, -42, 42, 42, 42, 42, 42, 42, 42, 42);
	P("[%d] [%5d] [%-5d] [%05d] [%+d] [% d]", -7, -7, -7, -7, -7, -7);
	P("[%u] [%x] [%X] [%#x] [%#X] [%o] [%#o] [%#08x] [%08x] [%-#8x]", 3000000000u, 0xbeef, 0xbeef, 0xbeef, 0xbeef, 8, 8, 0xbeef, 0xbeef, 0xbeef);
	P("[%#x] [%#o] [%d] [%.0d] [%5.0d]", 0, 0, 0, 0, 0);
	P("[%ld] [%lu] [%lx] [%lld] [%llu] [%llx] [%Ld] [%qd]", LONG_MIN, ULONG_MAX, ULONG_MAX, LLONG_MIN, ULLONG_MAX, 0x123456789abcdefULL, LLONG_MAX, 9LL);
	P("[%hd] [%hu] [%hx] [%hhd] [%hhu] [%hhx]", 70000, 70000, 0x12345, 200, 300, 0x1ff);
	P("[%zu] [%zd] [%zx] [%td] [%tu]", sizeof(long), (ssize_t)-3, (size_t)255, (ptrdiff_t)-9, (ptrdiff_t)9);
	P("[%*d] [%-*d] [%*d] [%0*d]", 6, 1, 6, 1, -6, 1, 6, 1);
	P("[%.3d] [%8.3d] [%-8.3d] [%08.3d] [%.*d] [%.*d] [%+.3d] [%#.4x]", 7, 7, 7, 7, 4, 7, -1, 7, 7, 7);
	P("[%c] [%5c] [%-5c] [%c%c]", 'c', 'c', 'c', 'o', 'k');
	P("[%%] [%5%] [%d%%]", 50);
	P("[%d] [%d]", INT_MIN, INT_MAX);
	P("[%30llu] [%-30llu] [%030llu]", ULLONG_MAX, ULLONG_MAX, ULLONG_MAX);
	P("[%.20d] [%25.20llx]", 1, 0xabcULL);
	return 0;
}
static void __exit fints_out(void) { }
module_init(fints_in); module_exit(fints_out);
MODULE_LICENSE("Dual MIT/GPL");
