#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins late.ko
sleep 2 # init memory is freed by a work item
sh -c 'echo 1 >/sys/module/late/parameters/call; echo not reached'; echo "status $?"
report
alive
