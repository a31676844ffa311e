/* The release that an instance with the personality 2.4 tells. */
#ifndef _LINUX_VERSION_H
#define _LINUX_VERSION_H

#define UTS_RELEASE "2.4.37-lkm"
#define LINUX_VERSION_CODE 132133
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))

#endif
