// Uses symbols of lkstruct.
#include <linux/module.h>

int lkstruct_plain(void);
int lkstruct_gpl(void);
static int __init lkstructuser_init(void)
{
	pr_info("ms: user %d\n", lkstruct_plain() + lkstruct_gpl());
	return 0;
}
static void __exit lkstructuser_exit(void) { }
module_init(lkstructuser_init);
module_exit(lkstructuser_exit);
MODULE_LICENSE("Dual MIT/GPL");
