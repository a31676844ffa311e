#!/bin/sh
. ./lib.sh
dmesg -C
h=/sys/module/kept/parameters/hold
ins asker.ko; ins kept.ko; ins asker.ko; cat /sys/module/kept/refcnt
put + $h; put + $h; cat /sys/module/kept/refcnt; lsmod | awk '$1=="kept"{print $1,$3,$4}'; awk '$1=="kept"{print $1,$3,$4}' /proc/modules; rem kept
put - $h; rem kept; put - $h; cat /sys/module/kept/refcnt; rem kept
klog '^rf:'
