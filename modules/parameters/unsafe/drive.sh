#!/bin/sh
. ./lib.sh
P=/sys/module/unsafe/parameters
T=/proc/sys/kernel/tainted
said() { klog '^(un: |unsafe: [^lm]|Setting)'; dmesg -C; echo "U $((($(cat $T) >> 6) & 1))"; }
dmesg -C; ins unsafe.ko plain=1 io=0x330 irq=10,11 memory=5; said; mode $P/*; (cd $P; grep . * 2>&1)
cat /sys/module/unsafe/taint
hr unset; put 1 $P/unset; said
hr wrong; put x $P/risky; said; put 3 $P/risky; said; put n $P/flag; put y $P/flag; put x $P/called; put y $P/called; put 9 $P/memory; said
cat /sys/module/unsafe/taint; rem unsafe; said
hr at load
for a in risky=x risky risky=1 flag flag=n named=2 called=y called=x called unset 'risky=1 risky=2' irq=1,2,3 io=x; do
	echo "$a:"; ins unsafe.ko $a && rem unsafe; said
done
modinfo -p unsafe.ko; modinfo -F parmtype unsafe.ko
