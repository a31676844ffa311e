#!/bin/sh
. ./lib.sh
dmesg -C
ins fpaths.ko; rem fpaths
klog '^fm:'
