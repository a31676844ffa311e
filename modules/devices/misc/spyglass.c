// A miscellaneous device with a wait queue: what is registered, poll, blocking, O_NONBLOCK, streams.
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define say(...) pr_info("sp: " __VA_ARGS__)

static DECLARE_WAIT_QUEUE_HEAD(queue);
static atomic_t waiting = ATOMIC_INIT(0);
static struct miscdevice spyglass;

static int spy_open(struct inode *inode, struct file *file)
{
	say("open: own device %d\n", file->private_data == &spyglass);
	return stream_open(inode, file);
}

static ssize_t spy_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	int value;

	if (pos)
		say("a stream has a position\n");
	if (!atomic_read(&waiting) && (file->f_flags & O_NONBLOCK))
		return -EAGAIN;
	if (wait_event_interruptible(queue, atomic_read(&waiting)))
		return -ERESTARTSYS;
	value = atomic_xchg(&waiting, 0);
	if (len < sizeof(value))
		return -EINVAL;
	return copy_to_user(to, &value, sizeof(value)) ? -EFAULT : sizeof(value);
}

static ssize_t spy_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	atomic_add(len, &waiting);
	wake_up_interruptible(&queue);
	return len;
}

static __poll_t spy_poll(struct file *file, poll_table *table)
{
	poll_wait(file, &queue, table);
	return (atomic_read(&waiting) ? EPOLLIN | EPOLLRDNORM : 0) | EPOLLOUT | EPOLLWRNORM;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE, .open = spy_open, .read = spy_read, .write = spy_write, .poll = spy_poll,
};
static struct miscdevice spyglass = { .minor = MISC_DYNAMIC_MINOR, .name = "spyglass", .fops = &operations, .mode = 0664 };
static struct miscdevice nested = { .minor = MISC_DYNAMIC_MINOR, .name = "spy!nested", .nodename = "spies/nested", .fops = &operations };
static struct miscdevice same = { .name = "spysame", .fops = &operations };

static int __init spy_init(void)
{
	int result = misc_register(&spyglass);

	if (result)
		return result;
	result = misc_register(&nested);
	say("nested %d\n", result);
	say("chosen minors: %d %d\n", spyglass.minor > 0 && spyglass.minor < 255, nested.minor != spyglass.minor);
	same.minor = spyglass.minor;
	say("the same minor: %d\n", misc_register(&same));
	return 0;
}

static void __exit spy_exit(void)
{
	misc_deregister(&nested);
	misc_deregister(&spyglass);
}

module_init(spy_init);
module_exit(spy_exit);
MODULE_DESCRIPTION("A miscellaneous device");
MODULE_LICENSE("Dual MIT/GPL");
