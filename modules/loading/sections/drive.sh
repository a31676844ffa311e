#!/bin/sh
. ./lib.sh
dmesg -C
ins sections.ko
hr names; ls -A /sys/module/sections/sections/ | grep -E '^\.(text|data|bss|rodata|init|exit|ro_after|data\.own|text\.own|gnu\.linkonce)' | sort
hr modes; for s in .text.own .data .bss; do stat -c %A /sys/module/sections/sections/$s; done
hr sizes; [ "$(cat /sys/module/sections/coresize)" -gt 8388608 ] && echo large; lsmod | awk '$1=="sections"{print ($2 > 8388608), $3}'; cat /sys/module/sections/initsize
rem sections; klog '^se:'
