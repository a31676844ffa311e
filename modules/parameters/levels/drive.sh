#!/bin/sh
. ./lib.sh
ins levels.ko; rem levels; dmesg -C
ins levels.ko late=1 core=2 postcore=3 arch=4 subsys=5 fs=6 device=7 plain=8 low=9 twice=10 late=11
klog '^(lv: |levels: [^lm])'
cd /sys/module/levels/parameters; ls; grep . *; put 1 core; put 2 low; cd - >/dev/null; rem levels; modinfo -p levels.ko | sort
klog '^(lv: |levels: [^lm])' | tail -1
