#!/bin/sh
. ./lib.sh
dmesg -C
ins longs.ko; rem longs
dmesg | sed 's/^\[[^]]*\] //' | awk '/^ll:/ || f{f=1; s=substr($0,1,12) "..." substr($0,length($0)-5); print length($0), (length($0) < 40 ? $0 : s)}'
