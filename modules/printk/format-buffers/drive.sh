#!/bin/sh
. ./lib.sh
dmesg -C
ins fbufs.ko; rem fbufs
klog '^fm:'
