#!/bin/sh
. ./lib.sh
dmesg -C
ins fflags.ko; rem fflags
klog '^fm:'
