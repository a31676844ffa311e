#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod first.ko; echo "status $?"
insmod second.ko; echo "status $?"
report 90
state second
alive
