// Numbers, options and patterns in strings.
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/slab.h>
#include <linux/parser.h>
#include <linux/glob.h>
#include <linux/bitmap.h>
#include <linux/if_ether.h>

#define say(fmt, ...) pr_info("pa: " fmt "\n", ##__VA_ARGS__)

static void numbers(void)
{
	static const char * const all[] = { "12abc", "0x1fz", "010", "-7", "", "0x", "99999999999999999999", "08" };
	char *end;
	int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned long long u = simple_strtoull(all[i], &end, 0);
		long s = simple_strtol(all[i], NULL, 10);

		say("'%s': %llu rest '%s', %ld, %lx", all[i], u, end, s, simple_strtoul(all[i], NULL, 16));
	}
	say("%llu", memparse("4k", &end));
	say("%llu '%s'", memparse("0x10Mrest", &end), end);
	say("%llu '%s'", memparse("3x", &end), end);
}

static void cmdline(void)
{
	static const char * const all[] = { "1,2,3", "4-7,9", "5-3", "x", "", "7,", "-3,4", "1-2-3" };
	int ints[6], i, n, value;
	char *rest, line[40], *name, *val;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		char *s = (char *)all[i];

		value = -99;
		n = get_option(&s, &value);
		say("option '%s': %d %d '%s'", all[i], n, value, s);
		memset(ints, 0, sizeof(ints));
		rest = get_options(all[i], ARRAY_SIZE(ints), ints);
		say("options '%s': %d: %d %d %d %d %d '%s'", all[i], ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], rest);
		get_options(all[i], 0, ints);
		say("count %d", ints[0]);
	}
	strscpy(line, "a=1 b \"c d\"=2 e=\"f g\" =h", sizeof(line));
	for (rest = line; *rest;) {
		rest = next_arg(rest, &name, &val);
		say("arg '%s' '%s'", name, val ?: "-");
	}
}

static void options(void)
{
	static const match_table_t table = {
		{ 1, "uid=%u" }, { 2, "mode=%o" }, { 3, "name=%s" }, { 4, "off=%d,%d" }, { 5, "hex=%x" }, { 6, "plain" }, { 7, "%3s!" },
		{ -1, NULL },
	};
	static const char * const all[] = { "uid=12", "uid=", "mode=755", "name=abc", "name=", "off=-3,4", "hex=ff", "plain", "plain2", "abc!", "abcd!" };
	substring_t args[MAX_OPT_ARGS];
	char s[32], buf[4], *copy;
	int i, token, n;
	u64 wide;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		strscpy(s, all[i], sizeof(s));
		n = 0;
		token = match_token(s, table, args);
		if (token == 1)
			say("uid: %d %d", match_int(&args[0], &n), n);
		if (token == 2)
			say("mode: %d %o", match_octal(&args[0], &n), n);
		if (token == 3) {
			copy = match_strdup(&args[0]);
			say("name: %s, %zu '%s', %d", copy, match_strlcpy(buf, &args[0], sizeof(buf)), buf, match_int(&args[0], &n));
			kfree(copy);
		}
		if (token == 4) {
			say("off: %d %d", match_int(&args[0], &n), n);
			say("off: %d %d", match_int(&args[1], &n), n);
		}
		if (token == 5)
			say("hex: %d %d, %d", match_hex(&args[0], &n), n, match_u64(&args[0], &wide));
		say("'%s': token %d", all[i], token);
	}
	say("wild %d %d %d %d", match_wildcard("a*c?", "abbcd"), match_wildcard("a*c", "abcd"), match_wildcard("*", ""), match_wildcard("a**", "ab"));
	say("glob %d %d %d %d %d", glob_match("[a-c]*[!x]", "bcd"), glob_match("[a-c]*[!x]y", "bcxy"), glob_match("[]-]", "-"), glob_match("a\\*", "a*"), glob_match("[a", "[a"));
}

static void bitmaps(void)
{
	static const char * const lists[] = { "1,3-5", "0-31:1/4", "all", "N", "", "5-3", "40", "1;2", "0-9:3/2", "1-", "2 , 4", "99999999999" };
	static const char * const words[] = { "1", "f,00000001", "1,00000000", "123456789", "g", "", "0000000f", "ffffffff,ff", ",1" };
	unsigned long map[1];
	u8 mac[6];
	int i, r;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		map[0] = 0;
		r = bitmap_parselist(lists[i], map, 40);
		say("list '%s': %d %*pbl", lists[i], r, 40, map);
	}
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		map[0] = 0;
		r = bitmap_parse(words[i], UINT_MAX, map, 40);
		say("words '%s': %d %lx", words[i], r, r ? 0 : map[0]);
	}
	say("mac %d %pM", mac_pton("01:23:45:67:89:aB", mac), mac);
	say("mac %d %d", mac_pton("01:23:45:67:89", mac), mac_pton("01-23-45-67-89-ab", mac));
}

static int __init parsing_init(void)
{
	numbers();
	cmdline();
	options();
	bitmaps();
	return 0;
}
module_init(parsing_init);
static void __exit parsing_exit(void) { }
module_exit(parsing_exit);
MODULE_LICENSE("Dual MIT/GPL");
