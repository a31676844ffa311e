#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <linux/types.h>

#define KERN_EMERG "<0>"
#define KERN_ALERT "<1>"
#define KERN_CRIT "<2>"
#define KERN_ERR "<3>"
#define KERN_WARNING "<4>"
#define KERN_NOTICE "<5>"
#define KERN_INFO "<6>"
#define KERN_DEBUG "<7>"

#define asmlinkage
#define barrier() __asm__ __volatile__("" : : : "memory")
#define min_t(type, x, y) ({ type __x = (x); type __y = (y); __x < __y ? __x : __y; })
#define max_t(type, x, y) ({ type __x = (x); type __y = (y); __x > __y ? __x : __y; })
#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))
#define BUG() __asm__ __volatile__("ud2")

extern int printk(const char *, ...) __attribute__((format(printf, 1, 2)));
extern int sprintf(char *, const char *, ...) __attribute__((format(printf, 2, 3)));
extern int snprintf(char *, size_t, const char *, ...) __attribute__((format(printf, 3, 4)));
extern int sscanf(const char *, const char *, ...);
extern unsigned long simple_strtoul(const char *, char **, unsigned int);
extern long simple_strtol(const char *, char **, unsigned int);

#endif
