// Strings: pointers and buffers, their lengths, what becomes of the old ones.
#include <linux/module.h>
static char *word = "built in"; module_param(word, charp, 0644);
static char *none; module_param(none, charp, 0644);
static char buf[8] = "seven.."; module_param_string(text, buf, sizeof(buf), 0644);
static char tiny[1]; module_param_string(tiny, tiny, sizeof(tiny), 0644);
static char big[6000]; module_param_string(big, big, sizeof(big), 0644);
static char lying[16] = "0123456789"; module_param_string(lying, lying, 4, 0644);
static char *huge = big; module_param(huge, charp, 0444);
static int check; 
static int set_check(const char *val, const struct kernel_param *kp)
{
	check++;
	pr_info("sr: %d word '%.20s' (%zu) none '%.20s' text '%s' tiny '%s' big %zu same %d\n", check, word, strlen(word), none, buf, tiny, strlen(big), huge == big);
	return 0;
}
static const struct kernel_param_ops ops = { .set = set_check };
module_param_cb(check, &ops, NULL, 0200);
static int __init strings_in(void) { memset(big, 'B', sizeof(big) - 1); set_check(NULL, NULL); return 0; }
static void __exit strings_out(void) { set_check(NULL, NULL); }
module_init(strings_in); module_exit(strings_out);
MODULE_LICENSE("GPL");
