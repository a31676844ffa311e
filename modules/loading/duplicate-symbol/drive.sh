#!/bin/sh
. ./lib.sh
dmesg -C
ins first.ko; ins second.ko; has /sys/module/second; rem first; ins second.ko; ins first.ko; rem second
klog '^(du:|first: [^lm]|second: [^lm])'
