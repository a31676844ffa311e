#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

extern void *vmalloc(unsigned long);
extern void vfree(void *);

#endif
