#!/bin/sh
. ./lib.sh
P=/sys/module/callbacks/parameters
said() { klog '^(cb: |callbacks: [^lm])'; dmesg -C; }
ins callbacks.ko; mode $P/*; said
hr files
for p in full no_get no_set nothing write_only; do echo "$p:"; get $P/$p; put x $P/$p; done; said
hr results
for r in 0 1 -1 -2 -11 -28; do
	echo $r >$P/result; echo "$r:"; put "v
" $P/full; get $P/full; said
done
echo 0 >$P/result
hr lengths
for n in 0 1 26 4094 4095 4096 5000; do echo $n >$P/length; echo "$n: $(cat $P/length 2>&1 | wc -c)"; done
klog "bad count"; dmesg -C
hr nul; od -An -c $P/nul
hr unload; dmesg -C; rem callbacks; said
hr at load
for a in full full= full=a no_get no_get=b no_set nothing hidden write_only=e \
	'result=-1 full=a no_get=b' 'result=-2 full=a' 'result=-2 full' 'result=-28 full=b result=0' 'result=-28 full' 'result=5 full=a' 'result=-200 full=a' 'full=a result=x' 'hidden=1 full=2 full=3'; do
	echo "$a:"; ins callbacks.ko $a && rem callbacks; said
done
