#!/bin/sh
. ./lib.sh
M=/sys/module/stating
look() {
	for f in initstate refcnt taint parameters/fail; do echo "$f $(get $M/$f)"; done
	awk '$1=="stating"{print $1,$3,$4,$5,$7}' /proc/modules; [ "$(cat $M/initsize)" = 0 ] && echo no init memory; lsmod | awk '$1=="stating"{print $3,$4}'
	grep 'stating' /proc/kallsyms | grep -v -e __UNIQUE_ID -e _note_ | sed 's/^[0-9a-f]* //' | sort
}
dmesg -C
hr coming; insmod stating.ko & waitlog 5 'st: init,'; look; rem stating; ins stating.ko; wait
hr live; look
hr going; rmmod stating & waitlog 5 'st: exit,'; look; rem stating; ins stating.ko; wait; has $M
hr failing; dmesg -C; insmod stating.ko fail=1 >first 2>&1 & waitlog 5 'st: init,'; cat $M/initstate; ins stating.ko; wait; cat first; has $M
klog '^(st: |stating: [^lm])'
