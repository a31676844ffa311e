#!/bin/sh
. ./lib.sh
dmesg -C
[ ! -f sha3_generic.ko ] || ins sha3_generic.ko
ins sha3s.ko; rem sha3s
[ ! -f sha3_generic.ko ] || { rem sha3_generic; }
klog '^cm:'
