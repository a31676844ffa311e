#!/bin/sh
# console.sh REGEXP: the lines of a console (stdin) that match, without the time
# and without what a terminal sends.
tr -d '\r' | sed 's/^\(\x1b\[[0-9;?]*[A-Za-z]\)*//; s/^\[ *[0-9]*\.[0-9]*\] //' | grep -a -E -e "$1"
:
