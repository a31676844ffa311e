#!/bin/sh
. ./lib.sh
ins ca_caches.ko; rem ca_caches
klog '^ca:'
