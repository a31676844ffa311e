#!/bin/sh
. ./lib.sh
ins lkso.ko; rem lkso
klog '^so:'
