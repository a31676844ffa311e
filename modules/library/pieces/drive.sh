#!/bin/sh
. ./lib.sh
dmesg -C
ins ./lkpi.ko; rem lkpi; klog '^pi: '
