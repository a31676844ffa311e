#!/bin/sh
. ./lib.sh
dmesg -C
for m in stays noinit empty; do
	hr $m; ins $m.ko; lsmod | awk -v m=$m '$1==m{print $1,$3,$4}'; awk -v m=$m '$1==m{print $1,$3,$4,$5}' /proc/modules
	cat /sys/module/$m/initstate /sys/module/$m/refcnt; rem $m
	ins $m.ko
done
lsmod | awk '/stays|noinit|empty/{print $1,$3,$4}'
klog '^ne:'
