#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod bugon.ko; echo "status $?"
report
state bugon
alive
