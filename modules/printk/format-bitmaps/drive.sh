#!/bin/sh
. ./lib.sh
dmesg -C
ins fmaps.ko; rem fmaps
klog '^fm:'
