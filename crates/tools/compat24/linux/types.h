#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

typedef unsigned char u8, __u8;
typedef unsigned short u16, __u16;
typedef unsigned int u32, __u32;
typedef unsigned long long u64, __u64;
typedef signed char s8, __s8;
typedef signed short s16, __s16;
typedef signed int s32, __s32;
typedef signed long long s64, __s64;
typedef unsigned char u_char, unchar;
typedef unsigned short u_short, ushort;
typedef unsigned int u_int, uint;
typedef unsigned long u_long, ulong;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef int pid_t;

#ifndef NULL
#define NULL ((void *)0)
#endif

#endif
