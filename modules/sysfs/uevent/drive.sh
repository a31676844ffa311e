#!/bin/sh
. ./lib.sh
dmesg -C; python3 uevent.py
klog 'uevent|kobject' | sed 's/ at [0-9a-f]*//'
