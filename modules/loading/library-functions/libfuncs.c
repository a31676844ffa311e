// Functions of lib/ that need nothing but their arguments, constants and memory.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/glob.h>
#include <linux/parser.h>
#include <linux/xxhash.h>
#include <linux/rbtree.h>
#include <linux/string_helpers.h>
#include <crypto/sha2.h>
struct node { struct rb_node rb; int key; };
static struct rb_root tree = RB_ROOT;
static struct node nodes[50];
static const match_table_t tokens = { { 1, "size=%u" }, { 2, "name=%s" }, { 3, "plain" }, { 9, NULL } };
static void put(struct node *new)
{
	struct rb_node **at = &tree.rb_node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = new->key < rb_entry(parent, struct node, rb)->key ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&new->rb, parent, at);
	rb_insert_color(&new->rb, &tree);
}
static int __init in(void)
{
	static const char *const words[] = { "size=42", "name=abc", "plain", "other" };
	substring_t args[MAX_OPT_ARGS];
	struct rb_node *n;
	u8 digest[32];
	char text[64], **argv, *end;
	int i, argc = 0, number = 0, sum = 0, last = -1, sorted = 1;

	pr_info("lf: glob %d %d %d\n", glob_match("a*c[0-9]", "abcc7"), glob_match("a*c[!0-9]", "abcc7"), glob_match("?", ""));
	sha256((const u8 *)"abc", 3, digest);
	pr_info("lf: sha256 %*phN\n", 32, digest);
	pr_info("lf: xxh64 %lld xxh32 %x\n", xxh64("hello", 5, 1), xxh32("hello", 5, 1));
	for (i = 0; i < 4; i++) {
		strscpy(text, words[i], sizeof(text));
		pr_info("lf: token %s %d\n", words[i], match_token(text, tokens, args));
	}
	strcpy(text, "size=77");
	if (match_token(text, tokens, args) == 1 && !match_int(&args[0], &number)) pr_info("lf: int %d\n", number);
	for (i = 0; i < 50; i++) { nodes[i].key = i * 37 % 50; put(&nodes[i]); }
	for (n = rb_first(&tree); n; n = rb_next(n)) {
		int key = rb_entry(n, struct node, rb)->key;

		sorted &= key > last; last = key; sum += key;
	}
	pr_info("lf: tree sorted %d sum %d\n", sorted, sum);
	for (i = 0; i < 50; i += 2) rb_erase(&nodes[i].rb, &tree);
	for (n = rb_first(&tree), i = 0; n; n = rb_next(n)) i++;
	pr_info("lf: left %d\n", i);
	argv = argv_split(GFP_KERNEL, "  one two   three ", &argc);
	if (argv) { pr_info("lf: argv %d %s %s\n", argc, argv[0], argv[2]); argv_free(argv); }
	i = string_escape_str("a\tb\nc\\", text, sizeof(text), ESCAPE_SPACE | ESCAPE_SPECIAL, NULL);
	text[i < 63 ? i : 63] = 0;
	pr_info("lf: escaped %d %s\n", i, text);
	string_get_size(123456789, 512, STRING_UNITS_2, text, sizeof(text));
	pr_info("lf: size %s\n", text);

	return 0;
}
static void __exit out(void) { }
module_init(in); module_exit(out);
MODULE_LICENSE("Dual MIT/GPL");
