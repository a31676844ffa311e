#!/bin/sh
. ./lib.sh
dmesg -C; ins nosetter.ko nothing; ins nosetter.ko; P=/sys/module/nosetter/parameters; get $P/nothing; put 1 $P/nothing; rem nosetter
ins nosetter.ko nothing=1; has $P; awk '$1=="nosetter"{print $1,$3,$4,$5}' /proc/modules
klog '^(ns: |nosetter: [^lm]|BUG|RIP|Oops|[a-z #]*instruction)' | grep -v 'RIP: 0033'
