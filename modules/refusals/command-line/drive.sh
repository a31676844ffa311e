#!/bin/sh
. ./lib.sh
M=/sys/module/module/parameters/sig_enforce
hr command line; grep -o 'loglevel=6 .*' /proc/cmdline
cut -f1 /proc/sys/kernel/printk
get /sys/module/printk/parameters/time
get /sys/module/kernel/parameters/module_blacklist; mode /sys/module/kernel/parameters/module_blacklist
put none /sys/module/kernel/parameters/module_blacklist
hr blacklist; for m in cl_a cl_ab cl_b; do echo $m; ins $m.ko && rem $m; done
hr signatures; get $M; put N $M; get $M; put maybe $M; put Y $M; get $M; put N $M; get $M
ins cl_ab.ko; ins cl_a.ko
dmesg | grep -E 'cl: |blacklisted|rejected' | sed 's/^\[[^]]*\] //'
