#!/bin/sh
. ./lib.sh
dmesg -C
ins ./parsing.ko; rem parsing; klog '^pa: '
