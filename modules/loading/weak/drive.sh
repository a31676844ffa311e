#!/bin/sh
. ./lib.sh
dmesg -C
ins borrower.ko; rem borrower; klog '^wk:|^borrower: [^lm]'
