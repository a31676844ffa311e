#!/bin/sh
. ./lib.sh
dmesg -C
ins fmacs.ko; rem fmacs
klog '^fm:'
