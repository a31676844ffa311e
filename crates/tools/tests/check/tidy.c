// SPDX-License-Identifier: MIT OR GPL-2.0
/* The same done right, and more that looks like a mistake and is none: nothing may be told. */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static int major, count, misc_count, never;
static dev_t number;
static struct cdev cdev;
static atomic_t guard = ATOMIC_INIT(0);
static DEFINE_MUTEX(lock);
module_param(never, int, 0);

struct item {
	struct item *next;
	int value;
};
static struct item *items;

static int by_atomic(struct inode *inode, struct file *file)
{
	if (atomic_cmpxchg(&guard, 0, 1))
		return -EBUSY;
	count++;
	return try_module_get(THIS_MODULE) ? 0 : -ENODEV;
}

static int by_mutex(struct inode *inode, struct file *file)
{
	int error = 0;

	mutex_lock(&lock);
	if (count)
		error = -EBUSY;
	else
		count++;
	mutex_unlock(&lock);
	return error;
}

/* misc_open holds a mutex of its own. */
static int by_misc(struct inode *inode, struct file *file)
{
	if (misc_count)
		return -EBUSY;
	misc_count++;
	return 0;
}

static int done(struct inode *inode, struct file *file)
{
	mutex_lock(&lock);
	count = 0;
	mutex_unlock(&lock);
	misc_count = 0;
	atomic_set(&guard, 0);
	return 0;
}

static ssize_t ti_read(struct file *file, char __user *to, size_t length, loff_t *at)
{
	size_t got = 0;

	for (got = 0; got < length && got < 16; got++)
		if (put_user('a' + (char)got, to + got))
			return got ? got : -EFAULT;
	return got;
}

/* The result is the function's. */
static noinline long store(int value, int __user *to)
{
	return put_user(value, to);
}

/* The result is kept for later. */
static noinline int keep(int __user *from, int *error)
{
	int value = 0;

	*error = get_user(value, from);
	return value;
}

/* Fails only where a branch is taken that a static key turns. */
static long ti_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct item *item;
	int error, value = keep((int __user *)argument, &error);

	item = kmalloc(sizeof(*item), GFP_KERNEL | __GFP_NOFAIL);
	item->value = value;
	error |= mutex_lock_interruptible(&lock);
	if (error) {
		kfree(item);
		return -EINTR;
	}
	item->next = items;
	items = item;
	mutex_unlock(&lock);
	item = kmalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	item->value = value;
	error = copy_to_user((void __user *)argument, item, sizeof(*item)) ? -EFAULT : 0;
	kfree(item);
	return error ? error : store(value, (int __user *)argument);
}

static const struct file_operations ti_fops = {
	.owner = THIS_MODULE,
	.open = by_atomic,
	.release = done,
	.read = ti_read,
	.unlocked_ioctl = ti_ioctl,
};

/* The cdev has the owner. */
static const struct file_operations cdev_fops = {
	.open = by_mutex,
	.release = done,
	.read = ti_read,
};

static const struct file_operations misc_fops = {
	.owner = THIS_MODULE,
	.open = by_misc,
	.release = done,
	.read = ti_read,
};

static struct miscdevice misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tidy_misc",
	.fops = &misc_fops,
};

/* Only init calls it. */
static noinline int __init helper(void)
{
	return never ? -EINVAL : 0;
}

static int __init ti_init(void)
{
	int error = helper();

	if (error)
		return error;
	major = register_chrdev(0, "tidy", &ti_fops);
	if (major < 0)
		return major;
	error = alloc_chrdev_region(&number, 0, 1, "tidy_cdev");
	if (error)
		goto no_region;
	cdev_init(&cdev, &cdev_fops);
	cdev.owner = THIS_MODULE;
	error = cdev_add(&cdev, number, 1);
	if (error)
		goto no_cdev;
	error = misc_register(&misc);
	if (!error)
		return 0;
	cdev_del(&cdev);
no_cdev:
	unregister_chrdev_region(number, 1);
no_region:
	unregister_chrdev(major, "tidy");
	return error;
}

static void __exit ti_exit(void)
{
	misc_deregister(&misc);
	cdev_del(&cdev);
	unregister_chrdev_region(number, 1);
	unregister_chrdev(major, "tidy");
	while (items) {
		struct item *next = items->next;

		kfree(items);
		items = next;
	}
}

module_init(ti_init);
module_exit(ti_exit);
MODULE_DESCRIPTION("a device without mistakes");
MODULE_LICENSE("Dual MIT/GPL");
