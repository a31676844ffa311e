#!/bin/sh
. ./lib.sh
# the lines of reports that say what it was
report() { dmesg -c | sed 's/^\[[^]]*\] //' | grep -E '^(p[tuv]:|WARNING|kernel BUG|invalid opcode|RIP: 0010:symbol)' | sed -E 's/ +6\.[0-9]+\..*//'; }
dmesg -c >/dev/null
ins pt.ko
P=/sys/module/pt/parameters/put
put 1 $P; cat /sys/module/pt/refcnt; report
rem pt
hr warns; put 1 $P; cat /sys/module/pt/refcnt; report
hr again; put 2 $P; cat /sys/module/pt/refcnt; report
hr taken; put -1 $P; put -1 $P; cat /sys/module/pt/refcnt; report
rem pt; report
echo "taint W $(($(cat /proc/sys/kernel/tainted) >> 9 & 1))"
hr symbol_put; insmod pu.ko; echo "status $?"; report
cat /sys/module/pu/initstate
hr symbol_put_addr; insmod pv.ko; echo "status $?"; report
cat /sys/module/pv/initstate
