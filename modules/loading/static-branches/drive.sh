#!/bin/sh
. ./lib.sh
dmesg -C
ins branches.ko
for v in 1 1 0 1; do put $v /sys/module/branches/parameters/toggle; done
rem branches
hr key set at load; ins branches.ko toggle=1; rem branches
klog '^jl:'
