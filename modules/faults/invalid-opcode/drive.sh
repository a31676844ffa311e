#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
insmod opcode.ko; echo "status $?"
report
state opcode
alive
