#!/bin/sh
. ./lib.sh
dmesg -C
for m in crc16 crc-itu-t crc7 crc8 crcs; do ins $m.ko; done
lsmod | awk '$1=="crc16"{print $1,$3,$4}'
rem crcs; rem crc8 crc7 crc_itu_t crc16
klog '^cm:'
