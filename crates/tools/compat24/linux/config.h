/* Linux 2.4's build configuration, as far as modules of the museum ask for it. */
#ifndef _LINUX_CONFIG_H
#define _LINUX_CONFIG_H

#define AUTOCONF_INCLUDED
#define CONFIG_MODULES 1
#define CONFIG_MODVERSIONS 1
#define CONFIG_KMOD 1
#define CONFIG_SMP 1

#endif
