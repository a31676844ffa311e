#!/bin/sh
. ./lib.sh
dmesg -C
ins choice.ko; rem choice; klog '^al:'
