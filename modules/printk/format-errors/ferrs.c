// printk's formats: %pe.
#include <linux/module.h>
#define P(f, ...) pr_info("fm: " f "\n", ##__VA_ARGS__)
static int __init ferrs_in(void)
{
	int i;
	for (i = 1; i < 36; i += 5) P("%d [%pe] [%pe] [%pe] [%pe] [%pe]", i, ERR_PTR(-i), ERR_PTR(-i - 1), ERR_PTR(-i - 2), ERR_PTR(-i - 3), ERR_PTR(-i - 4));
	P("kernel's own [%pe] [%pe] [%pe] [%pe] [%pe] [%pe]", ERR_PTR(-EPROBE_DEFER), ERR_PTR(-ERESTARTSYS), ERR_PTR(-ENOTSUPP), ERR_PTR(-ENOIOCTLCMD), ERR_PTR(-EBADHANDLE), ERR_PTR(-EIOCBQUEUED));
	P("doubles [%pe] [%pe] [%pe]", ERR_PTR(-EAGAIN), ERR_PTR(-EOPNOTSUPP), ERR_PTR(-EDEADLK));
	P("unknown [%pe] [%pe]", ERR_PTR(-4000), ERR_PTR(-200));
	P("width [%12pe] [%-12pe] [%6pe]", ERR_PTR(-EIO), ERR_PTR(-EIO), ERR_PTR(-4000));
	P("null [%pe]", NULL);
	P("a pointer is hashed [%d]", (int)snprintf(NULL, 0, "%pe", &i));
	return 0;
}
static void __exit ferrs_out(void) { }
module_init(ferrs_in); module_exit(ferrs_out);
MODULE_LICENSE("Dual MIT/GPL");
