#!/bin/sh
. ./lib.sh
dmesg -C
ins fstrs.ko; rem fstrs
klog '^fm:'
