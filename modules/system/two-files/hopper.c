#include <linux/module.h>
#include "mill.h"
static char room[100000];
int hopper_fill(int c);
int hopper_fill(int c)
{
	memset(room, c, sizeof(room));
	return room[sizeof(room) - 1];
}
EXPORT_SYMBOL_GPL(hopper_fill);
MODULE_AUTHOR("another");
