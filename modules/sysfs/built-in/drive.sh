#!/bin/sh
. ./lib.sh
for m in kernel printk module dynamic_debug rcupdate workqueue nosuch; do echo "$m: $(ls -A /sys/module/$m 2>&1 | tr '\n' ' ')"; done
for m in kernel printk module dynamic_debug; do for f in /sys/module/$m/parameters/*; do echo "$(stat -c '%A' $f) ${f#/sys/module/} $(get $f)"; done; done | grep -v /panic\ 
mode /sys/module/printk /sys/module/printk/uevent
P=/sys/module/printk/parameters; for v in 0 n 1 Y x; do put $v $P/time; get $P/time; done
put 1 $P/ignore_loglevel; get $P/ignore_loglevel; put 0 $P/ignore_loglevel; put add /sys/module/printk/uevent
lsmod | grep -c '^printk'; [ $(ls /sys/module | wc -l) -gt 60 ] && echo many
