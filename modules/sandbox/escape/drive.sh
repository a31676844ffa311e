#!/bin/sh
. ./lib.sh
ins runaway.ko; rem runaway
klog '^ra:'
