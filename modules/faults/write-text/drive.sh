#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod textwrite.ko; echo "status $?"
report
state textwrite
alive
