#!/bin/sh
. ./lib.sh
dmesg -C
ins lz4_compress.ko; ins lz4s.ko
rem lz4s lz4_compress
klog '^cm:'
