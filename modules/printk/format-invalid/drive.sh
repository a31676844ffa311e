#!/bin/sh
. ./lib.sh
dmesg -C
ins fbad.ko; rem fbad
klog '^fm:'
