#!/bin/sh
. ./lib.sh
dmesg -C
ins fuuids.ko; rem fuuids
klog '^fm:'
