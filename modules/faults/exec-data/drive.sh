#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod dataexec.ko; echo "status $?"
report
state dataexec
alive
