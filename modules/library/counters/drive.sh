#!/bin/sh
. ./lib.sh
ins lkpc.ko; rem lkpc
klog '^pc:'
