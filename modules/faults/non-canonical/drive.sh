#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod noncanon.ko; echo "status $?"
report
state noncanon
alive
