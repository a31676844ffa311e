#!/bin/sh
# The kernel panics: the expectation is taken from the console.
. ./lib.sh
dmesg -n 8
insmod panics.ko
echo "pn: not reached"
