// Character devices by hand: numbers, struct cdev, what files and positions are, ioctl on the caller's memory.
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define say(...) pr_info("be: " __VA_ARGS__)
#define ROOM 32

struct request {
	int number;
	char text[12];
};
#define BERTH_DOUBLE _IOWR('b', 1, struct request)
#define BERTH_LENGTH _IOR('b', 2, int)
#define BERTH_CLEAR _IO('b', 3)

static dev_t first;
static struct cdev berths, late;
static struct cdev *made;
static char room[3][ROOM];

struct visit {
	int minor, calls;
};

static int berth_open(struct inode *inode, struct file *file)
{
	struct visit *visit = kzalloc(sizeof(*visit), GFP_KERNEL);

	if (!visit)
		return -ENOMEM;
	visit->minor = iminor(inode) - MINOR(first);
	file->private_data = visit;
	say("open %d same cdev %d mode %x flags %o\n", visit->minor, inode->i_cdev == &berths, file->f_mode & 3, file->f_flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_TRUNC));
	return 0;
}

static int berth_release(struct inode *inode, struct file *file)
{
	struct visit *visit = file->private_data;

	say("release %d after %d calls at %lld\n", visit->minor, visit->calls, file->f_pos);
	kfree(visit);
	return 0;
}

static ssize_t berth_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct visit *visit = file->private_data;

	visit->calls++;
	if (*pos >= ROOM)
		return 0;
	len = min_t(size_t, len, ROOM - *pos);
	if (copy_to_user(to, room[visit->minor] + *pos, len))
		return -EFAULT;
	*pos += len;
	return len;
}

static ssize_t berth_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct visit *visit = file->private_data;

	visit->calls++;
	return simple_write_to_buffer(room[visit->minor], ROOM, pos, from, len);
}

static long berth_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct visit *visit = file->private_data;
	struct request request;

	visit->calls++;
	switch (command) {
	case BERTH_DOUBLE:
		if (copy_from_user(&request, (void __user *)argument, sizeof(request)))
			return -EFAULT;
		request.number *= 2;
		strscpy(request.text, "doubled", sizeof(request.text));
		return copy_to_user((void __user *)argument, &request, sizeof(request)) ? -EFAULT : 7;
	case BERTH_LENGTH:
		return put_user((int)strnlen(room[visit->minor], ROOM), (int __user *)argument);
	case BERTH_CLEAR:
		memset(room[visit->minor], 0, ROOM);
		return 0;
	}
	return -ENOTTY;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = berth_open,
	.release = berth_release,
	.read = berth_read,
	.write = berth_write,
	.unlocked_ioctl = berth_ioctl,
	.llseek = default_llseek,
};
static const struct file_operations bare = { .owner = THIS_MODULE };

static int __init berth_init(void)
{
	int result = alloc_chrdev_region(&first, 5, 3, "berth");

	if (result)
		return result;
	say("first minor %d\n", MINOR(first));
	say("overlapping %d\n", register_chrdev_region(first + 2, 4, "berth2"));
	say("beside %d\n", register_chrdev_region(first + 3, 1, "berth3"));
	say("too many %d\n", register_chrdev_region(MKDEV(511, MINORMASK), 3, "berth4"));
	say("after it %d\n", register_chrdev_region(MKDEV(511, MINORMASK), 1, "berth5"));
	cdev_init(&berths, &operations);
	berths.owner = THIS_MODULE;
	result = cdev_add(&berths, first, 3);
	say("add %d count %u\n", result, berths.count);
	made = cdev_alloc();
	made->ops = &bare;
	made->owner = THIS_MODULE;
	say("bare %d\n", cdev_add(made, first + 3, 1));
	cdev_init(&late, &operations);
	return 0;
}

static void __exit berth_exit(void)
{
	cdev_del(made);
	cdev_del(&berths);
	unregister_chrdev_region(MKDEV(511, MINORMASK), 1);
	unregister_chrdev_region(first + 3, 1);
	unregister_chrdev_region(first, 3);
}

module_init(berth_init);
module_exit(berth_exit);
MODULE_DESCRIPTION("Character devices by hand");
MODULE_LICENSE("Dual MIT/GPL");
