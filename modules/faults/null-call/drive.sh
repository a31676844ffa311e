#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod nullcall.ko; echo "status $?"
report
state nullcall
alive
