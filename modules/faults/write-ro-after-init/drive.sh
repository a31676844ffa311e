#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins rowrite.ko wanted=5
get /sys/module/rowrite/parameters/wanted
sh -c "echo 9 >/sys/module/rowrite/parameters/wanted"; echo "status $?"
report
alive
