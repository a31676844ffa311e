#!/bin/sh
. ./lib.sh
. ./common.sh
dmesg -C
ins badexit.ko
rmmod badexit; echo "status $?"
report
state badexit
hr again; ins badexit.ko
alive
