#!/bin/sh
. ./lib.sh
ins lkhrt.ko; rem lkhrt
klog '^hr:'
