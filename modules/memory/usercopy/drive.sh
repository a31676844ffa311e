#!/bin/sh
. ./lib.sh
dmesg -C
ins us_copy.ko how=0; rem us_copy
klog '^(us:|usercopy:)'
n=1
while [ $n -le 9 ]; do
	# A module whose init died stays; the next one is the same under another name.
	python3 - $n <<-'END'
	import sys
	n = sys.argv[1]
	data = open("us_copy.ko", "rb").read()
	open(f"us_cop{n}.ko", "wb").write(data.replace(b"us_copy\0", b"us_cop%s\0" % n.encode()))
	END
	dmesg -C
	insmod us_cop$n.ko how=$n; echo "status $?"
	klog '^(us:|usercopy:|kernel BUG|RIP: 0010)'
	n=$((n + 1))
done
