#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod setter.ko level=0; echo "status $?"
report
state setter
alive
