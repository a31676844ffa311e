#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod errptr.ko; echo "status $?"
report
state errptr
alive
