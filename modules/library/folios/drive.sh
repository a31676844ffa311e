#!/bin/sh
. ./lib.sh
dmesg -C
ins ./lkif.ko; rem lkif; klog '^if: '
