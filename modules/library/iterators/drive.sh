#!/bin/sh
. ./lib.sh
ins lkii.ko; rem lkii
klog '^ii:'
