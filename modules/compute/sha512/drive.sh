#!/bin/sh
. ./lib.sh
dmesg -C
[ ! -f sha512_generic.ko ] || ins sha512_generic.ko
ins sha512s.ko; rem sha512s
[ ! -f sha512_generic.ko ] || { rem sha512_generic; }
klog '^cm:'
