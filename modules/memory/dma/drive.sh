#!/bin/sh
. ./lib.sh
ins dm_maps.ko; rem dm_maps
klog "^dm:"
