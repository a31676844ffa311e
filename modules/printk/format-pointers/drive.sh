#!/bin/sh
. ./lib.sh
dmesg -C
ins fptrs.ko; rem fptrs
klog '^fm:'
