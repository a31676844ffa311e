#!/bin/sh
. ./lib.sh
dmesg -C
ins calls.ko; rem calls; klog '^sc:'
