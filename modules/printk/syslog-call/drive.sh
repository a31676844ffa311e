#!/bin/sh
. ./lib.sh
dmesg -C
echo 0 >/proc/sys/kernel/dmesg_restrict
put "7 4 1 7" /proc/sys/kernel/printk
ins syslogs.ko
python3 calls.py
echo 1 >/proc/sys/kernel/dmesg_restrict
rem syslogs
