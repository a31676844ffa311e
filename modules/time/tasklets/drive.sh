#!/bin/sh
. ./lib.sh
ins lktsk.ko; rem lktsk
klog '^tk:'
