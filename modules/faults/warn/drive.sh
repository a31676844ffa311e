#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod warns.ko; echo "status $?"
report 90
state warns
alive
