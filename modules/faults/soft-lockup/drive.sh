#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
put 1 /proc/sys/kernel/watchdog_thresh
insmod spin.ko &
waitlog 30 'soft lockup' && sleep 0.5
echo 1 >/sys/module/spin/parameters/stop
wait $!; echo "status $?"
report | sed -E 's/(CPU#)[0-9]+( stuck for) [0-9]+s! \[([a-z]+):[0-9]+\]/\1N\2 Ns! [\3:N]/' | awk '/soft lockup/{n++} /^sl:/{print; next} n < 2'
lsmod | awk '$1=="spin"{print $1,$3}'; rem spin; klog '^sl: out'
echo "taint L $(( $(cat /proc/sys/kernel/tainted) >> 14 & 1 ))"
alive
