#!/bin/sh
. ./lib.sh
dmesg -C
ins fres.ko; rem fres
klog '^fm:'
