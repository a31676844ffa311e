#!/bin/sh
. ./lib.sh
dmesg -C
ins joins.ko; hr a line without an end is not shown yet; klog "^jn: last"; klog "^jn: crtab|high"
hr after init; dmesg -r | sed 's/\[.*[0-9]\] /[] /; /jn: list/,$!d' | od -An -c | sed -n '1,6p'
rem joins
hr raw; dmesg -r | sed 's/\[ *[0-9.]*[0-9]\] /[] /; /jn: list/,$!d'
hr records; dd if=/dev/kmsg iflag=nonblock bs=8192 2>/dev/null | sed -n 's/^\([0-9]*\),[0-9]*,[0-9]*,/\1,N,T,/; /jn: list/,$p'
