#!/bin/sh
. ./lib.sh
dmesg -C; python3 sysctl.py
klog 'sysctl|modprobe|kernel\.|tainted|printk' 
