#!/bin/sh
. ./lib.sh
ins dv_managed.ko; rem dv_managed
klog "^dv:"
