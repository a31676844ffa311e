#!/bin/sh
. ./lib.sh
dmesg -C
ins libfuncs.ko; rem libfuncs; klog "^lf:"
