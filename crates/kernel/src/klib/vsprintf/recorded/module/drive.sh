#!/bin/sh
. ./lib.sh
ins formats.ko; rem formats
dmesg -r | sed -n 's/^<6>\[ *[0-9.]*\] f2: //p'
