#!/bin/sh
. ./lib.sh
C=/sys/module/lkstruct/parameters/command
seen() { lsmod | awk '/^lkstruct/{print $1,$3,$4}'; awk '/^lkstruct/{print $1,$3,$4,$5}' /proc/modules; grep -c '\[lkstruct\]' /proc/kallsyms | sed 's/[1-9][0-9]*/some/'; }
ins lkstruct.ko number=5 word=abc
put show $C; put layout $C; put users $C
ins lkstructuser.ko; put users $C; put names $C; seen
rem lkstruct; rem lkstructuser; put users $C; put names $C
for how in hide hide-init; do
	hr $how; put $how $C; seen; rem lkstruct; put names $C; has $C; cat /sys/module/lkstruct/refcnt
	ins lkstructuser.ko; lsmod | awk '/^lkstruct/{print $1,$3,$4}'; put return $C; seen
	ins lkstructuser.ko; put names $C; put last $C; put names $C; seen; awk '/^lkstruct/{print $1}' /proc/modules; rem lkstructuser
done
rem lkstruct
klog '^(ms|lkstruct|lkstructuser):'
