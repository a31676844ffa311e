#!/bin/sh
. ./lib.sh
dmesg -C
ins ./array.ko; rem array; klog '^xa: '
