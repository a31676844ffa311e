#!/bin/sh
. ./lib.sh
dmesg -C
ins ./trees.ko; rem trees; klog '^tr: '
