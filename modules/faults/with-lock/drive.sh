#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod locked.ko; echo "status $?"
report
state locked
alive
