#!/bin/sh
. ./lib.sh
ins lktmr.ko; rem lktmr
klog '^tm:'
