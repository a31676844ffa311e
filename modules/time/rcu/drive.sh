#!/bin/sh
. ./lib.sh
ins lkrcx.ko; rem lkrcx
klog '^rc:'
