// Notes of one's own besides the linker's.
#include <linux/module.h>
#include <linux/elfnote.h>
asm(".pushsection .note.mine,\"a\",@note\n.long 5,6,77\n.asciz \"Mine\"\n.balign 4\n.ascii \"abcdef\"\n.balign 4\n.popsection");
static int __init noted_in(void) { return 0; }
static void __exit noted_out(void) { }
module_init(noted_in); module_exit(noted_out);
MODULE_LICENSE("GPL");
