#!/bin/sh
. ./lib.sh
dmesg -C
ins ./lkmt.ko; rem lkmt; klog '^mt: '
