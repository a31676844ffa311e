#!/bin/sh
. ./lib.sh
ins lkwkn.ko; rem lkwkn
klog '^wn:'
