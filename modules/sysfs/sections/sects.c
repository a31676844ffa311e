// Addresses of sections: what is shown equals where things are.
#include <linux/module.h>
static int value = 5, zero; static const int fixed = 7; static int __initdata early = 9; static int late __ro_after_init = 3;
static noinline int plain(void) { return value + zero + fixed + late; }
static int __init sects_in(void)
{
	pr_info("se: text %px data %px bss %px init %px initdata %px this %px plain %d early %d\n", plain, &value, &zero, sects_in, &early, THIS_MODULE, plain(), early);
	return 0;
}
static void __exit sects_out(void) { }
module_init(sects_in); module_exit(sects_out);
MODULE_LICENSE("GPL");
