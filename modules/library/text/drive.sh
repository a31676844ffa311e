#!/bin/sh
. ./lib.sh
dmesg -C
ins ./text.ko; rem text; klog '^tx: '
