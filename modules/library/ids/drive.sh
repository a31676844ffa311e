#!/bin/sh
. ./lib.sh
dmesg -C
ins ./ids.ko; rem ids; klog '^id: '
