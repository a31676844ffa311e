#!/bin/sh
. ./lib.sh
dmesg -C
ins fsyms.ko; rem fsyms
klog '^fm:'
