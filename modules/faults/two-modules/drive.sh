#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins lower.ko
insmod upper.ko; echo "status $?"
report
state upper
rem lower
alive
