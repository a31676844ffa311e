#!/bin/sh
. ./lib.sh
said() { klog '(dy: |dyndbg: [^lm]|dyndbg)' | sed 's/\[[0-9]*\] /[PID] /'; dmesg -C; }
ins dyndbg.ko; echo 1 >/sys/module/dyndbg/parameters/go; rem dyndbg; dmesg -C
for a in dyndbg dyndbg=+p dyndbg= dyndbg==p dyndbg=+pm dyndbg=+pf dyndbg=+pl dyndbg=+pt dyndbg=+pfml 'dyndbg="func first +p"' 'dyndbg="func second +pf; func dyndbg_out +p"' \
	'dyndbg="format second +p"' 'dyndbg="file dyndbg.c +p"' 'dyndbg="file other.c +p"' 'dyndbg="line 1-6 +p"' 'dyndbg="line 7 +p"' 'dyndbg="module other +p"' 'dyndbg="func f* +p"' 'dyndbg="func first +p" p=4' \
	dyndbg=bad dyndbg=p 'dyndbg="func"' 'dyndbg="func x y"' 'dyndbg=+x' 'dyndbg="+p; -p"' 'dyndbg=-p' 'dyndbg=+_' dyndbg.x=1 dyndbg.dyndbg=+p \
	async_probe async_probe=1 async_probe=0 async_probe=x async-probe async_probe=; do
	echo "$a:"; ins dyndbg.ko "$a" && rem dyndbg; said
done
