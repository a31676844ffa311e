#!/bin/sh
. ./lib.sh
dmesg -C
ins leftover.ko; sleep 1
hr symbols; grep '\[leftover\]' /proc/kallsyms | awk '{print $2, $3}' | grep -v -E '__(UNIQUE|pfx|key|func)|_note|\.' | sort -k 2
hr sysfs; here=$(pwd); cd /sys/module/leftover; find . -maxdepth 1 | sort; cat initsize initstate version taint; [ "$(cat coresize)" -gt 0 ] && echo core; mode coresize initsize initstate refcnt taint version uevent; stat -c %A sections/.init.text
ls notes | grep -v Linux; ls -A sections | grep -E "^.(text|init|exit)"
cd "$here"; rem leftover; klog '^lo:'
