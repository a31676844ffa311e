#ifndef _LINUX_SCHED_H
#define _LINUX_SCHED_H

#include <linux/kernel.h>

#define HZ 250

extern volatile unsigned long jiffies;

#endif
