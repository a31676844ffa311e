#!/bin/sh
. ./lib.sh
dmesg -C
ins ./numbers.ko; rem numbers; klog '^nu: '
