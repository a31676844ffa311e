#!/bin/sh
. ./lib.sh
dmesg -C
for r in -5 -2 -12 -16 -17 -19 -22 -1 -38 -517 -512 -4095 -8 0; do hr $r; ins results.ko result=$r && { lsmod | awk '$1=="results"{print $1,$3}'; rem results; }; has /sys/module/results; done
hr positive; ins results.ko result=5; lsmod | awk '$1=="results"{print $1,$3}'; cat /sys/module/results/initstate; rem results
klog '^(rs:|results: [^lm]|do_init_module|.results|CPU:|Call Trace| <TASK>| </TASK>| [a-z_]+\+0x.*\[)' | sed -E 's/ +6\.[0-9]+\..*//'
