#!/bin/sh
. ./lib.sh
dmesg -C
k=/proc/sys/kernel/kptr_restrict; s=/sys/module/fkptr/parameters/show
cat $k; ins fkptr.ko; klog '^fm:'
nobody() { python3 -c 'import os,sys; os.setgid(65534); os.setuid(65534); print(open(sys.argv[1]).read().strip())' "$1"; }
for v in 0 1 2; do put $v $k; echo "$v: root $(cat $s), nobody $(nobody $s)"; done
for v in 3 -1 x; do put $v $k; cat $k; done
put 0 $k; grep -c '^0* [a-zA-Z] fkptr_out' /proc/kallsyms; grep -c '^0000000000000000 [a-zA-Z] .*\[fkptr\]' /proc/kallsyms
put 2 $k; [ "$(grep -c '^0000000000000000 [a-zA-Z] .*\[fkptr\]' /proc/kallsyms)" -gt 2 ] && echo hidden
awk '$1=="fkptr"{print $6}' /proc/modules; put 1 $k; awk '$1=="fkptr"{print ($6 == "0x0000000000000000") ? "zero" : "address"}' /proc/modules
rem fkptr
