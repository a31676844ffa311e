#!/bin/sh
. ./lib.sh
T=/sys/kernel/tracing
[ -e $T/trace ] || mount -t tracefs none $T
show() { sed -E 's/^ *[^ ]+-[0-9]+ +\[[0-9]+\] .{5} +[0-9.]+: /TASK-PID [CPU] TIME: /; s/TIME: 0x[0-9a-f]+:/TIME: GONE:/; s/#P:[0-9]+/#P:N/; s/pid=[0-9]+/pid=N/' $T/trace; }
mode $T/trace; show
ins lktrp.ko; show
rem lktrp; show | tail -3
echo > $T/trace; show; ins lktrp.ko; rem lktrp; show | grep -c TASK
dmesg | sed 's/^\[[^]]*\] //' | grep -A20 -E '^(\*\*|tp:)'
