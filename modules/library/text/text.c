// Strings, escapes, sizes, hexadecimal dumps.
#include <linux/module.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/nls.h>

#define say(fmt, ...) pr_info("tx: " fmt "\n", ##__VA_ARGS__)

static void sizes(void)
{
	static const struct { u64 size, block; } all[] = {
		{ 0, 512 }, { 1, 1 }, { 999, 1 }, { 1000, 1 }, { 1023, 1 }, { 1024, 1 }, { 1536, 1 }, { 7, 512 }, { 4096, 4096 },
		{ 123456789, 512 }, { 9995, 1 }, { 99950, 1 }, { 999500, 1 }, { U64_MAX, 1 }, { U64_MAX, 512 }, { U64_MAX, U64_MAX },
	};
	char a[24], b[24];
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		string_get_size(all[i].size, all[i].block, STRING_UNITS_10, a, sizeof(a));
		string_get_size(all[i].size, all[i].block, STRING_UNITS_2, b, sizeof(b));
		say("size %llu*%llu: %s, %s", all[i].size, all[i].block, a, b);
	}
	string_get_size(123456, 1, STRING_UNITS_2, a, 5);
	say("cut: '%s'", a);
}

static void escapes(void)
{
	static const char in[] = "a\tb\n\"\\\001\xe4z";
	static const unsigned int flags[] = { ESCAPE_SPACE, ESCAPE_SPECIAL, ESCAPE_ANY, ESCAPE_ANY_NP, ESCAPE_HEX, ESCAPE_NAP | ESCAPE_OCTAL };
	char out[64];
	int i, n;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		memset(out, 0, sizeof(out));
		n = string_escape_mem(in, strlen(in), out, sizeof(out) - 1, flags[i], NULL);
		say("escape %x: %d '%*pEp'", flags[i], n, (int)strlen(out), out);
	}
	n = string_escape_mem("abcabc", 6, out, sizeof(out), ESCAPE_HEX, "b");
	say("only b: %d %.*s", n, n, out);
	n = string_escape_mem("abc", 3, out, 5, ESCAPE_HEX, NULL);
	say("short: %d %.5s", n, out);
	for (i = 1; i < 16; i <<= 1) {
		n = string_unescape("\\n\\101\\x42\\e\\q\\", out, sizeof(out), i);
		say("unescape %d: %d %*phN", i, n, n, out);
	}
	n = string_unescape("\\n\\tabc", out, 5, UNESCAPE_ANY);
	say("unescape into 5: %d %*phN", n, n, out);
}

static void dumps(void)
{
	static const u8 bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz\x01\x7f\x80";
	static const int groups[] = { 1, 2, 4, 8, 3 };
	char line[140];
	int i, n, room;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		print_hex_dump(KERN_INFO, "tx: ", DUMP_PREFIX_OFFSET, i & 1 ? 32 : 16, groups[i], bytes, sizeof(bytes), i != 2);
		for (room = 0; room < 60; room += 7) {
			memset(line, 'x', sizeof(line));
			n = hex_dump_to_buffer(bytes, 11, 16, groups[i], line, room, i & 1);
			line[80] = 0;
			if (!room)
				line[0] = 0;
			say("dump group %d room %d: %d '%s'", groups[i], room, n, line);
		}
	}
}

static void words(void)
{
	static const char * const table[] = { "alpha", "beta", NULL, "gamma" };
	char buf[24] = "a-b-c", **argv;
	int argc;

	say("match %d %d %d", match_string(table, 4, "beta"), match_string(table, 4, "gamma"), match_string(table, -1, "beta"));
	say("sysfs %d %d", sysfs_match_string(table, "alpha\n"), sysfs_match_string(table, "alph"));
	strreplace(buf, '-', '+');
	say("%s %td %td", buf, strchrnul(buf, 'b') - buf, strchrnul(buf, '?') - buf);
	memcpy_and_pad(buf, 6, "xyz", 3, '.');
	say("%.6s", buf);
	memcpy_and_pad(buf, 2, "xyz", 3, '.');
	say("%.6s", buf);
	say("memscan %td %td weight %zu", (char *)memscan(buf, '.', 6) - buf, (char *)memscan(buf, '?', 6) - buf, memweight("\xff\x01", 2));
	argv = argv_split(GFP_KERNEL, "  one two\tthree ", &argc);
	say("argv %d %s|%s|%s %d", argc, argv[0], argv[1], argv[2], !argv[3]);
	argv_free(argv);
}

static void ids(void)
{
	uuid_t u;
	guid_t g;

	say("%d %pUb", uuid_parse("01020304-0506-0708-090a-0B0C0D0E0F10", &u), &u);
	say("%d %pUl", guid_parse("01020304-0506-0708-090a-0B0C0D0E0F10", &g), &g);
	say("%*ph", 16, &g);
	say("%d %d", uuid_parse("01020304-0506-0708-090a-0B0C0D0E0F1", &u), uuid_parse("0102030405060708090a0B0C0D0E0F101234", &u));
}

static void unicode(void)
{
	static const wchar_t pairs[] = { 'a', 0xe4, 0x20ac, 0xd83d, 0xde00, 0xd83d, 'b', 0 };
	wchar_t wide[16];
	u8 text[32];
	unicode_t c = 0;
	int n;

	n = utf16s_to_utf8s(pairs, 8, UTF16_HOST_ENDIAN, text, sizeof(text));
	say("utf8: %d %*ph", n, n, text);
	n = utf16s_to_utf8s(pairs, 8, UTF16_HOST_ENDIAN, text, 5);
	say("utf8 in 5: %d", n);
	n = utf8s_to_utf16s("a\xc3\xa4\xf0\x9f\x98\x80" "b", 8, UTF16_BIG_ENDIAN, wide, 16);
	say("utf16: %d %*ph", n, 2 * n, wide);
	say("bad: %d", utf8s_to_utf16s("a\xc3(", 3, UTF16_HOST_ENDIAN, wide, 16));
	n = utf8_to_utf32("\xe2\x82\xac", 3, &c);
	say("%d %x, cut %d, bad %d", n, c, utf8_to_utf32("\xe2\x82\xac", 2, &c), utf8_to_utf32("\xff", 3, &c));
	n = utf32_to_utf8(0x20ac, text, 2);
	say("%d %d %d", n, utf32_to_utf8(0xd800, text, 8), utf32_to_utf8(0x20ac, text, 8));
}

static int __init text_init(void)
{
	sizes();
	escapes();
	dumps();
	words();
	ids();
	unicode();
	return 0;
}
module_init(text_init);
static void __exit text_exit(void) { }
module_exit(text_exit);
MODULE_LICENSE("Dual MIT/GPL");
