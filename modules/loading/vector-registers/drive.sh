#!/bin/sh
. ./lib.sh
dmesg -C
ins vectors.ko; rem vectors; klog "^vr:"
