#!/bin/sh
. ./lib.sh
M=/sys/module/stating
look() {
	for f in initstate refcnt taint parameters/fail; do echo "$f $(get $M/$f)"; done
	awk '$1=="stating"{print $1,$3,$4,$5,$7}' /proc/modules; [ "$(cat $M/initsize)" = 0 ] && echo no init memory; lsmod | awk '$1=="stating"{print $3,$4}'
	grep 'stating' /proc/kallsyms | sed 's/^[0-9a-f]* //; /__UNIQUE_ID_/d; /_note_/d' | sort
}
go() { echo 1 >$M/parameters/go; wait; }
dmesg -C
hr coming; insmod stating.ko & waitlog 20 'st: init,'; look; rem stating; go
hr live; look
hr going; rmmod stating & waitlog 20 'st: exit,'; look; rem stating; go; has $M
hr failing; dmesg -C; insmod stating.ko fail=1 & waitlog 20 'st: init,'; cat $M/initstate; go; has $M
klog '^(st: |stating: [^lm])'
