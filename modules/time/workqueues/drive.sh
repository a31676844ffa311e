#!/bin/sh
. ./lib.sh
ins lkwkq.ko; rem lkwkq
klog '^wq:'
