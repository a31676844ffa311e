#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod badarg.ko; echo "status $?"
report
state badarg
alive
