// The same, with KASAN's calls.
#include "exact.c"
