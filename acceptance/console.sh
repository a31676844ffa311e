#!/bin/sh
# console.sh REGEXP: the lines of a console (stdin) that match, without the time
# and what a terminal sends; of CPU lines without the kernel's version.
tr -d '\r' | sed 's/^\(\x1b\[[0-9;?]*[A-Za-z]\)*//; s/^\[ *[0-9]*\.[0-9]*\] //' | grep -a -E -e "$1" |
	sed -E 's/^(CPU: [^#]*[^ #]) +6\.[0-9]+\..*/\1/'
:
