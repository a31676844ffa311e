#!/bin/sh
. ./lib.sh
dmesg -C
ins limits.ko; sleep 6; rem limits
dmesg -r | sed 's/\[ *[0-9.]*\] /[] /' | grep -E 'lm:|suppressed'
