#!/bin/sh
. ./lib.sh
dmesg -C
ins fips.ko; rem fips
klog '^fm:'
