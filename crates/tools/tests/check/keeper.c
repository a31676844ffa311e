// SPDX-License-Identifier: MIT OR GPL-2.0
/* Registers what it never gives back, and calls at any time what is there only at init. */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/proc_fs.h>

static dev_t number;
static int value;

static noinline int __init only_at_init(int by)
{
	value += by;
	return value;
}

int keeper_any_time(int by);
noinline int keeper_any_time(int by)
{
	return only_at_init(by) + 1; /* WANT section-mismatch */
}

static int ke_open(struct inode *inode, struct file *file)
{
	return 0;
}

static const struct file_operations ke_fops = { /* WANT no-owner */
	.open = ke_open,
};

static struct miscdevice misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "keeper",
	.fops = &ke_fops,
};

static int __init ke_init(void)
{
	int error = alloc_chrdev_region(&number, 0, 1, "keeper"); /* WANT left-registered */

	if (error)
		return error;
	if (!proc_mkdir("keeper", NULL)) /* WANT left-registered */
		return -ENOMEM;
	if (keeper_any_time(1) > 100)
		return -EINVAL;
	return misc_register(&misc); /* WANT left-registered */
}

static void __exit ke_exit(void)
{
}

module_init(ke_init);
module_exit(ke_exit);
MODULE_DESCRIPTION("leaves things behind");
MODULE_LICENSE("Dual MIT/GPL");
