// SPDX-License-Identifier: MIT OR Apache-2.0
// What churn.c does, with a program's malloc: prints nanoseconds a pair.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *kept[256];

int main(int argc, char **argv)
{
	int pairs = atoi(argv[1]), size = atoi(argv[2]), live = atoi(argv[3]) == 1;
	unsigned int dice = 1;
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < pairs; i++) {
		void *p = malloc(live ? 8 + (dice >> 16) % 1000 : size);

		if (!p)
			return 1;
		*(volatile char *)p = 1;
		if (live) {
			dice = dice * 1664525 + 1013904223;
			void *q = kept[dice >> 24];
			kept[dice >> 24] = p;
			p = q;
		}
		free(p);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / pairs);
	return 0;
}
