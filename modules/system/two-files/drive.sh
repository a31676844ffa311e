#!/bin/sh
. ./lib.sh
ins mill.ko; lsmod | awk '$1=="mill"{print $1, ($2 > 100000), $3}'
grep '\[mill\]' /proc/kallsyms | awk '{print $2, $3}' | sort -u | grep -v -e __UNIQUE -e __initcall -e _note -e cfi_ -e '\.[0-9]'
ls /sys/module/mill /sys/module/mill/parameters
cat /sys/module/mill/version
rem mill
hr failing; ins mill.ko broken=5; ins mill.ko broken=19; has /sys/module/mill
modinfo mill.ko | grep -E '^(author|stone|version|description|parm)'
klog '^ml:'
