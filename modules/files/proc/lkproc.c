// Files in /proc: operations, seq_file in all its ways, names and what is refused.
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/list.h>
#include <linux/version.h>

#undef pr_fmt
#define pr_fmt(fmt) "pf: " fmt

static struct proc_dir_entry *dir, *sub, *raw;
static char text[64] = "first\n";
static size_t len = 6;

static ssize_t raw_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(to, count, pos, text, len);
}
static ssize_t raw_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	ssize_t n = simple_write_to_buffer(text, sizeof(text) - 1, pos, from, count);

	if (n > 0)
		len = *pos;
	pr_info("wrote %zd at %lld data %s\n", n, *pos, (char *)pde_data(file_inode(file)));
	return n;
}
static int raw_open(struct inode *inode, struct file *file)
{
	pr_info("open mode %x flags %x\n", file->f_mode & 3, file->f_flags & O_ACCMODE);
	if (strcmp(text, "refuse\n"))
		return 0;
	len = strlen(strcpy(text, "back\n"));
	return -EPERM;
}
static int raw_release(struct inode *inode, struct file *file)
{
	pr_info("release\n");
	return 0;
}
static long raw_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cmd == 7 ? 42 : -ENOTTY;
}
static const struct proc_ops raw_ops = {
	.proc_open = raw_open, .proc_read = raw_read, .proc_write = raw_write, .proc_release = raw_release,
	.proc_lseek = default_llseek, .proc_ioctl = raw_ioctl,
};
static const struct proc_ops none_ops = { };

static int one_show(struct seq_file *s, void *v)
{
	static const u8 bytes[20] = "hex dump of this \1\2";

	seq_printf(s, "private %s %d|%5s|%-5s|\n", (char *)s->private, 42, "ab", "cd");
	seq_puts(s, "puts");
	seq_putc(s, '\n');
	seq_write(s, "write\n", 6);
	seq_put_decimal_ull(s, "ull ", 12345678901234ULL);
	seq_put_decimal_ll(s, " ll ", -77);
	seq_putc(s, '\n');
	seq_setwidth(s, 20);
	seq_puts(s, "padded");
	seq_pad(s, '|');
	seq_putc(s, '\n');
	seq_escape(s, "tab\tnl\nback\\", "\t\n\\");
	seq_putc(s, '\n');
	seq_hex_dump(s, "hd ", DUMP_PREFIX_OFFSET, 16, 1, bytes, 20, true);
	seq_printf(s, "overflowed %d\n", seq_has_overflowed(s));
	return 0;
}
static int one_open(struct inode *inode, struct file *file)
{
	return single_open(file, one_show, pde_data(inode));
}
static const struct proc_ops one_ops = {
	.proc_open = one_open, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = single_release,
};

/* A thousand lines, more than one page; every tenth is skipped. */
static int calls[4];
static void *many_start(struct seq_file *s, loff_t *pos)
{
	calls[0]++;
	return *pos == 0 ? SEQ_START_TOKEN : *pos <= 1000 ? (void *)(unsigned long)*pos : NULL;
}
static void *many_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	calls[1]++;
	return *pos <= 1000 ? (void *)(unsigned long)*pos : NULL;
}
static void many_stop(struct seq_file *s, void *v)
{
	calls[2]++;
}
static int many_show(struct seq_file *s, void *v)
{
	calls[3]++;
	if (v == SEQ_START_TOKEN)
		seq_puts(s, "header\n");
	else if ((unsigned long)v % 10 == 0)
		return SEQ_SKIP;
	else
		seq_printf(s, "line %lu\n", (unsigned long)v);
	return 0;
}
static const struct seq_operations many_seq = {
	.start = many_start, .next = many_next, .stop = many_stop, .show = many_show,
};
static int many_open(struct inode *inode, struct file *file)
{
	memset(calls, 0, sizeof(calls));
	return seq_open(file, &many_seq);
}
static int many_release(struct inode *inode, struct file *file)
{
	pr_info("many start %d next %d stop %d show %d\n", calls[0], calls[1], calls[2], calls[3]);
	return seq_release(inode, file);
}
static const struct proc_ops many_ops = {
	.proc_open = many_open, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = many_release,
};

/* One record larger than a page, an error in the middle, and a next that does not move. */
static int big_show(struct seq_file *s, void *v)
{
	int i;

	for (i = 0; i < 500; i++)
		seq_printf(s, "%04d 0123456789abcdef\n", i);
	return 0;
}
static void *bad_start(struct seq_file *s, loff_t *pos)
{
	return *pos < 5 ? (void *)(unsigned long)(*pos + 1) : NULL;
}
static void *bad_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return *pos < 5 ? (void *)(unsigned long)(*pos + 1) : NULL;
}
static int bad_show(struct seq_file *s, void *v)
{
	if (v == (void *)3)
		return -EILSEQ;
	seq_printf(s, "good %lu\n", (unsigned long)v);
	return 0;
}
static const struct seq_operations bad_seq = { .start = bad_start, .next = bad_next, .stop = many_stop, .show = bad_show };

/* A list of the kernel's kind, and private memory. */
struct item { int n; struct list_head list; };
static LIST_HEAD(items);
static void *list_start(struct seq_file *s, loff_t *pos)
{
	++*(int *)s->private;
	return seq_list_start_head(&items, *pos);
}
static void *list_next(struct seq_file *s, void *v, loff_t *pos)
{
	return seq_list_next(v, &items, pos);
}
static int list_show(struct seq_file *s, void *v)
{
	if (v == &items)
		seq_printf(s, "items (%d)\n", *(int *)s->private);
	else
		seq_printf(s, "item %d\n", list_entry(v, struct item, list)->n);
	return 0;
}
static const struct seq_operations list_seq = { .start = list_start, .next = list_next, .stop = many_stop, .show = list_show };

static int __init lkproc_init(void)
{
	struct proc_dir_entry *e;
	int i;

	for (i = 0; i < 5; i++) {
		struct item *item = kmalloc(sizeof(*item), GFP_KERNEL);

		item->n = i * i;
		list_add_tail(&item->list, &items);
	}
	dir = proc_mkdir("lkproc", NULL);
	sub = proc_mkdir_mode("sub", 0700, dir);
	raw = proc_create_data("raw", 0640, dir, &raw_ops, "the data");
	proc_set_size(raw, 64);
	proc_set_user(raw, KUIDT_INIT(65534), KGIDT_INIT(7));
	proc_create("none", 0, dir, &none_ops);
	proc_create_data("one", 0444, dir, &one_ops, "single");
	proc_create("many", 0444, dir, &many_ops);
	proc_create_single_data("big", 0400, dir, big_show, NULL);
	proc_create_seq("bad", 0444, dir, &bad_seq);
	proc_create_seq_private("list", 0444, dir, &list_seq, sizeof(int), NULL);
	proc_symlink("link", dir, "raw");
	pr_info("by path %d\n", proc_create("lkproc/sub/deep", 0444, NULL, &none_ops) != NULL);
	pr_info("no folder %d\n", proc_create("lkproc/absent/deep", 0444, NULL, &none_ops) != NULL);
	e = proc_create("raw", 0444, dir, &none_ops);
	pr_info("again %d\n", e != NULL);
	return 0;
}

static void __exit lkproc_exit(void)
{
	struct item *item, *n;

	remove_proc_entry("absent", dir);
	remove_proc_entry("none", dir);
	proc_remove(raw);
	proc_remove(NULL);
	pr_info("subtree %d\n", remove_proc_subtree("lkproc", NULL));
	pr_info("again %d\n", remove_proc_subtree("lkproc", NULL));
	list_for_each_entry_safe(item, n, &items, list)
		kfree(item);
}
module_init(lkproc_init);
module_exit(lkproc_exit);
MODULE_LICENSE("Dual MIT/GPL");
