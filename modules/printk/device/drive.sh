#!/bin/sh
. ./lib.sh
dmesg -C
ins devs.ko; has /sys/devices/brook; rem devs; has /sys/devices/brook
hr raw; dmesg -r | grep dv: | sed 's/\[.*\] /[] /'
hr record; dd if=/dev/kmsg iflag=nonblock bs=8192 2>/dev/null | grep -A 2 'dv: info' | sed 's/^\([0-9]*\),[0-9]*,[0-9]*,/\1,N,T,/'
