#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod poison.ko; echo "status $?"
report
state poison
alive
