#!/bin/sh
. ./lib.sh
ins reader.ko; ins shelf.ko; ins reader.ko; rem reader; ins writer.ko; ins reader.ko
lsmod | awk '/^(shelf|reader|writer) /{print $1, $3, $4}'
rem shelf; rem writer; rem reader; rem shelf; has /sys/module/shelf
ins shelf.ko; ins reader.ko; rem reader; rem shelf
klog '^(sh:|reader: U)'
