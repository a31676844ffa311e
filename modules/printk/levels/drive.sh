#!/bin/sh
. ./lib.sh
dmesg -C
ins levels.ko; rem levels
hr raw; dmesg -r | grep -a lv: | sed 's/\[.*\] /[] /'
hr decoded; dmesg -x | grep -a lv: | sed 's/\[.*\] /[] /'
hr by level
for l in emerg alert crit err warn notice info debug emerg,info err+ +crit; do echo "$l: $(dmesg -l $l | grep -a -c lv:)"; done
dmesg -l wrong; echo "status $?"
hr facilities; dmesg -k | grep -a -c lv:; dmesg -u | grep -a -c lv:; dmesg -f kern | grep -a -c lv:; dmesg -f user | grep -a -c lv:
