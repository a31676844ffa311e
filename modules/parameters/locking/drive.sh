#!/bin/sh
. ./lib.sh
dmesg -C; ins locking.ko slow=1
P=/sys/module/locking/parameters
echo 1 >$P/slow &
waitlog 5 'set begins' && sleep 0.1; cat $P/slow; echo 3 >$P/value; wait; get $P/value; rem locking
klog '^(lo: |locking: [^lm])'
