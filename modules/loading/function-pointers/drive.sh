#!/bin/sh
. ./lib.sh
dmesg -C
ins guild.ko; ins smith.ko; ins baker.ko
cat /sys/module/guild/refcnt; ls /sys/module/guild/holders
rem smith; rem baker; rem guild
klog '^gd:'
