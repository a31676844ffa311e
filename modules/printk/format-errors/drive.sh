#!/bin/sh
. ./lib.sh
dmesg -C
ins ferrs.ko; rem ferrs
klog '^fm:'
