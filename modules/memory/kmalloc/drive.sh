#!/bin/sh
. ./lib.sh
ins km_sizes.ko; rem km_sizes
klog '^km:'
