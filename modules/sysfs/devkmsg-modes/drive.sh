#!/bin/sh
. ./lib.sh
dmesg -C; python3 modes.py; klog '^(dk: |python3: )'
