// printk's formats: %pd and %pD.
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/err.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init fpaths_in(void)
{
	struct path p;
	struct file *f = filp_open("/proc/sys/kernel/printk", O_RDONLY, 0);
	if (!IS_ERR(f)) {
		P("D [%pD] D2 [%pD2] D3 [%pD3] D4 [%pD4] width [%10pD] [%-10pD] cut [%.3pD]", f, f, f, f, f, f, f);
		filp_close(f, NULL);
	}
	if (!kern_path("/proc/sys/kernel", LOOKUP_FOLLOW, &p)) {
		P("d [%pd] d1 [%pd1] d2 [%pd2] d4 [%pd4] d9 [%pd9]", p.dentry, p.dentry, p.dentry, p.dentry, p.dentry);
		path_put(&p);
	}
	P("null [%pd] [%pD]", NULL, NULL);
	return 0;
}
static void __exit fpaths_out(void) { }
module_init(fpaths_in); module_exit(fpaths_out);
MODULE_LICENSE("Dual MIT/GPL");
