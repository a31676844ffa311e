#!/bin/sh
. ./lib.sh
dmesg -C
ins sluice.ko; ins water.ko; get /sys/module/water/parameters/look
put 1 /sys/module/sluice/parameters/open; get /sys/module/water/parameters/look
rem water; ins water.ko; get /sys/module/water/parameters/look
put 0 /sys/module/sluice/parameters/open; get /sys/module/water/parameters/look
rem water sluice; klog '^sw:'
