#!/bin/sh
. ./lib.sh
dmesg -C
ins li_limits.ko; rem li_limits
dmesg -t | grep -E '^(insmod|WARNING|li:|illegal)|cut here|end trace' | sed 's/ at \([a-z_]*\.c:[0-9]*\) .*/ at \1/; s/, *nodemask.*//'
