#!/bin/sh
. ./lib.sh
# The offset is the distance from the stack pointer, and depends on the compiler.
said() {
	klog '^(us:|usercopy:|kernel BUG|RIP: 0010)' | sed 's/offset [0-9]*, size/offset N, size/; /case 3/,$s/size [0-9]*)/size N)/'
}
dmesg -C
ins us_stack.ko how=0; rem us_stack
said
n=1
while [ $n -le 7 ]; do
	# A module whose init died stays; the next one is the same under another name.
	python3 - $n <<-'END'
	import sys
	n = sys.argv[1]
	data = open("us_stack.ko", "rb").read()
	open(f"us_stac{n}.ko", "wb").write(data.replace(b"us_stack\0", b"us_stac%s\0" % n.encode()))
	END
	dmesg -C
	insmod us_stac$n.ko how=$n; echo "status $?"
	said
	n=$((n + 1))
done
