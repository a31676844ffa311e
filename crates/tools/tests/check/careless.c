// SPDX-License-Identifier: MIT OR GPL-2.0
/* A device with mistakes. A comment names the kind that must be told of its line; no other line may be told of. */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static int major;
static int busy;
static char text[64] = "some text";
static DEFINE_MUTEX(lock);

struct item {
	struct item *next;
	int value;
};
static struct item *items;

static int cl_open(struct inode *inode, struct file *file)
{
	if (busy) /* WANT racy-open-count */
		return -EBUSY;
	busy++;
	try_module_get(THIS_MODULE); /* WANT unused-result */
	return 0;
}

static int cl_release(struct inode *inode, struct file *file)
{
	busy--;
	module_put(THIS_MODULE);
	return 0;
}

static ssize_t cl_read(struct file *file, char __user *to, size_t length, loff_t *at)
{
	size_t done = 0;

	while (done < length && text[done]) {
		put_user(text[done], to + done); /* WANT unused-result */
		done++;
	}
	return done;
}

static long cl_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	int value = 0;
	struct item *item;

	get_user(value, (int __user *)argument); /* WANT unused-result */
	item = kmalloc(sizeof(*item), GFP_KERNEL);
	item->value = value; /* WANT unchecked-allocation */
	/* mutex_lock_interruptible is __must_check: gcc is content with a variable. */
	value = mutex_lock_interruptible(&lock); /* WANT unused-result */
	item->next = items;
	items = item;
	mutex_unlock(&lock);
	return 0;
}

static const struct file_operations cl_fops = { /* WANT no-owner */
	.open = cl_open,
	.release = cl_release,
	.read = cl_read,
	.unlocked_ioctl = cl_ioctl,
};

static int __init cl_init(void)
{
	major = register_chrdev(0, "careless", &cl_fops);
	return major < 0 ? major : 0;
}

static void __exit cl_exit(void)
{
	unregister_chrdev(major, "careless");
}

module_init(cl_init);
module_exit(cl_exit);
MODULE_DESCRIPTION("mistakes of a device");
MODULE_LICENSE("Dual MIT/GPL");
