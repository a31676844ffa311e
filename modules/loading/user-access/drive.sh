#!/bin/sh
. ./lib.sh
dmesg -C
ins useracc.ko; rem useracc; klog '^ua:'
