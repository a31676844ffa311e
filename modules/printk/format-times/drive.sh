#!/bin/sh
. ./lib.sh
dmesg -C
ins ftimes.ko; rem ftimes
klog '^fm:'
