#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins worker.ko
waitlog 10 'end trace'; sleep 0.3
report | grep -v '^kt:'; report | grep '^kt:' | sort
ps -e -o comm= | grep -c lathe
lsmod | awk '$1=="worker"{print $1,$3}'; rem worker
alive
