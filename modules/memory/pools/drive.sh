#!/bin/sh
. ./lib.sh
ins po_pools.ko; rem po_pools
klog '^po:'
