#!/bin/sh
. ./lib.sh
ins lkht.ko; rem lkht
klog '^ht:'
