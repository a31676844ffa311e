#ifndef _LINUX_KMOD_H
#define _LINUX_KMOD_H

extern int request_module(const char *);

#endif
