#!/bin/sh
. ./lib.sh
dmesg -C
ins fva.ko; rem fva
klog '^fm:'
