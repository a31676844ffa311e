#!/bin/sh
. ./lib.sh
dmesg -C
ins fints.ko; rem fints
klog '^fm:'
