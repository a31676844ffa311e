/* Memory. */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H

#include <linux/types.h>

#define GFP_ATOMIC 0x20
#define GFP_KERNEL 0x1f0

extern void *kmalloc(size_t, int);
extern void kfree(const void *);

#endif
