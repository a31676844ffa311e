#!/bin/sh
. ./lib.sh
dmesg -C
ins ./queues.ko; rem queues; klog '^qu: '
