#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod nullread.ko; echo "status $?"
report
state nullread
alive
