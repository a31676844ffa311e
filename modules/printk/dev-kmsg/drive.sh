#!/bin/sh
. ./lib.sh
dmesg -C
ins kmsgs.ko
stat -c '%A %F %t:%T' /dev/kmsg
echo on >/proc/sys/kernel/printk_devkmsg; get /proc/sys/kernel/printk_devkmsg
python3 kmsg.py
rem kmsgs
