#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod divide.ko; echo "status $?"
report
state divide
alive
