#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod constwrite.ko; echo "status $?"
report
state constwrite
alive
