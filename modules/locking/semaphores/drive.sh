#!/bin/sh
. ./lib.sh
ins semas.ko; rem semas
klog '^se:'
