#!/bin/sh
. ./lib.sh
dmesg -C
n() { sed 's/\[ *[0-9]*\.[0-9]*\]/[T]/; s/\[[A-Z][a-z][a-z] .*20[0-9][0-9]\]/[D]/; s/^[0-9-]*T[0-9:,+-]*/ISO/; s/\[ *<.*>\]/[d]/; s/\[  *+[0-9.]*\]/[+]/; s/"time":.*,/"time":N,/; s/\[[A-Z][a-z][a-z][0-9 ]* [0-9:]*\]/[R]/' | grep -E "${1:-dm:}"; }
ins three.ko; rem three
hr plain; dmesg | n
hr -t; dmesg -t | n
hr -r; dmesg -r | n
hr -x; dmesg -x | n
hr -x -r; dmesg -x -r | n
hr -T; dmesg -T | n
hr --time-format; for f in ctime reltime delta notime iso raw; do echo "$f:"; dmesg --time-format $f 2>&1 | n | head -n 1; done
dmesg --time-format wrong; echo "status $?"
hr -d; dmesg -d | n | tail -n 1 | sed "s/^.*> *]/[d]/; s/<.*>//; s/\[ *[0-9.]*\] *//"
hr -e; dmesg -e | n | head -n 1
hr -l; dmesg -l err,warn | n
hr -f; dmesg -f kern | n | wc -l; dmesg -f daemon | n | wc -l; dmesg -f wrong; echo "status $?"
hr -J; dmesg -J | n
hr -S; dmesg -S | n; dmesg -S -r | n
hr -p; dmesg -p | n
hr -s; dmesg -s 20 | n | wc -l
hr -c; dmesg -c | n; echo "left $(dmesg | wc -l)"; dmesg -S | wc -l
ins three.ko; rem three
hr -C; dmesg -C; echo "status $? left $(dmesg | wc -l)"
ins three.ko; rem three
hr the log goes on; dmesg | n
hr conflicts; dmesg -C -c; echo "status $?"; dmesg -n 5 -C; echo "status $?"
dmesg --level; echo "status $?"; dmesg extra; echo "status $?"
