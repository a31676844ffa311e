/* The name of linux/slab.h before 2.4. */
#include <linux/slab.h>
