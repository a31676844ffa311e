#!/bin/sh
. ./lib.sh
dmesg -C
ins expects.ko; rem expects; klog '^(ex:|BUG|Oops)'; cat /proc/sys/kernel/tainted | awk '{print int($1 / 128) % 2}'
