#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins setter.ko level=3
put 5 /sys/module/setter/parameters/level
get /sys/module/setter/parameters/level
hr fault
sh -c 'echo 0 >/sys/module/setter/parameters/level; echo not reached'; echo "status $?"
report
alive
