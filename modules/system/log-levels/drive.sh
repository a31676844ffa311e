#!/bin/sh
. ./lib.sh
D() { echo "-- dmesg $*"; dmesg "$@" | grep bl: | sed 's/^\(<[0-9]*>\)*\(.* \)*\[[^]]*\]/\1\2/; s/^[^b]* bl:/&/'; }
dmesg -C; ins bell.ko; rem bell
D -t; D -r; D -x -t; D -l err,warn -t; D -l info+ -t 2>&1; D -f kern -t | wc -l; D -f user -t | wc -l; D -l emerg -t; D -k -t | wc -l; D -u -t | wc -l
dmesg --json 2>&1 | head -1
hr lines; dmesg -C; ins bell.ko how=1; rem bell
D -t; D -r
hr kmsg; dmesg -C; ins bell.ko
dd if=/dev/kmsg iflag=nonblock bs=8192 2>/dev/null | grep bl: | sed 's/,[0-9]*,[0-9]*,/,N,T,/' | head -20
echo '<3>bl: written' >/dev/kmsg; echo 'bl: plain' >/dev/kmsg; echo '<11>bl: user err' >/dev/kmsg; printf 'bl: two\nbl: lines\n' >/dev/kmsg
D -x -t | tail -6; D -u -t
hr levels; dmesg -n 7; cat /proc/sys/kernel/printk; dmesg -n 3; cat /proc/sys/kernel/printk; dmesg -n debug; cat /proc/sys/kernel/printk
echo 4 2 >/proc/sys/kernel/printk; cat /proc/sys/kernel/printk; dmesg -D; cat /proc/sys/kernel/printk; dmesg -E; cat /proc/sys/kernel/printk
put '1 2 3 4 5' /proc/sys/kernel/printk; put 'x' /proc/sys/kernel/printk; put '-1' /proc/sys/kernel/printk; put '' /proc/sys/kernel/printk; cat /proc/sys/kernel/printk
dmesg -n 0; dmesg -n 9; dmesg -n nothing; echo $?
