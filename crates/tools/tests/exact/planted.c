// Mistakes that only a check of every access finds. A line that a report must name is marked E and a number.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static int wrong;
module_param(wrong, int, 0);

static char letters[13];
static int numbers[5] = { 1, 2, 3, 4, 5 };
static const short table[3] = { 7, 8, 9 };
static struct { int a; char name[6]; } record;
static volatile long seen;

static noinline void write_byte(char *p, long at)
{
	*(volatile char *)(p + at) = 1; // E1 E2 E3
}

static noinline void blocks(void)
{
	char *p = kmalloc(13, GFP_KERNEL), *q = kmalloc(30, GFP_KERNEL);
	u32 *words = kmalloc_array(3, sizeof(u32), GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	OPTIMIZER_HIDE_VAR(q);
	OPTIMIZER_HIDE_VAR(words);
	write_byte(p, 12);
	if (wrong & 1)
		write_byte(p, 13);
	if (wrong & 2)
		write_byte(q, -1);
	seen = ((volatile u32 *)words)[2];
	if (wrong & 4)
		seen = ((volatile u32 *)words)[3]; // E4
	if (wrong & 8)
		seen = *(volatile u64 *)(words + 2); // E5
	if (wrong & 16)
		memset(q, 0, 30 + (wrong >> 4 & 1)); // E6
	if (wrong & 32)
		memcpy(q, p, 15); // E7
	kfree(p);
	if (wrong & 64)
		seen = *(volatile char *)(p + 5); // E8
	if (wrong & 128)
		((volatile char *)p)[6] = 2; // E9
	kfree(q);
	kfree(words);
}

static noinline void globals(long past)
{
	letters[12] = 1;
	OPTIMIZER_HIDE_VAR(past);
	if (wrong & 256)
		((volatile char *)letters)[13 + past] = 1; // E10
	if (wrong & 512)
		((volatile int *)numbers)[5 + past] = 1; // E11
	if (wrong & 1024)
		seen = ((const volatile short *)table)[3 + past]; // E12
	if (wrong & 2048)
		seen = *(volatile long *)((char *)&record + 8 + past); // E13
	if (wrong & 4096)
		seen = copy_from_user(letters + past, (void __user *)8, 14 + past); // E14
	if (wrong & 8192)
		seen = copy_to_user((void __user *)8, numbers + past, 24 + past); // E15
	seen = numbers[4] + table[2] + record.name[5];
}

static int __init planted_init(void)
{
	blocks();
	globals(0);
	return 0;
}

static void __exit planted_exit(void)
{
}
module_init(planted_init);
module_exit(planted_exit);
MODULE_LICENSE("Dual MIT/GPL");
