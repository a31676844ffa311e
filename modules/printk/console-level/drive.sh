#!/bin/sh
. ./lib.sh
dmesg -C
p=/proc/sys/kernel/printk
s=/sys/module/conlog/parameters/say
put "7 4 1 7" $p; cat $p; ins conlog.ko
mode $s; get $s
hr dmesg -n
for n in 0 1 8 9 emerg debug info x; do dmesg -n $n; echo "$n: status $? $(cat $p)"; done
hr off and on; put "7 4 1 7" $p
dmesg -D; cat $p; dmesg -D; cat $p; dmesg -E; cat $p; dmesg -E; cat $p
hr writes
for v in "1 2 3 4" "5" "" "99" "-1" "0 0 0 0" "7 4 1 7 9" "7,4,1,7" " 6 " "0x5"; do put "$v" $p; cat $p; done
hr default level of a message
put "7 2 1 7" $p; echo 1 >$s; put "7 7 1 7" $p; echo 1 >$s; put "7 4 1 7" $p; echo 1 >$s
dmesg -r | grep 'cl: default' | sed 's/\[.*\]/[]/'
hr all are in the log, whatever the console shows
dmesg -n 1; for n in 0 3 4 6 7; do echo $n >$s; done; klog '^cl: [ewid]' | grep -v default
rem conlog
for f in printk_devkmsg printk_ratelimit printk_ratelimit_burst printk_delay dmesg_restrict; do echo "$f $(mode /proc/sys/kernel/$f | cut -c1-10) $(cat /proc/sys/kernel/$f)"; done
for v in on off ratelimit wrong; do echo $v >/proc/sys/kernel/printk_devkmsg; get /proc/sys/kernel/printk_devkmsg; done

echo off >/proc/sys/kernel/printk_devkmsg; echo "cl: off" >/dev/kmsg; klog "cl: off"; for v in on ratelimit; do echo $v >/proc/sys/kernel/printk_devkmsg; get /proc/sys/kernel/printk_devkmsg; done
