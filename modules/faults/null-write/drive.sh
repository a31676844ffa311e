#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod nullwrite.ko; echo "status $?"
report
state nullwrite
alive
