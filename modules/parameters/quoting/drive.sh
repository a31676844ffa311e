#!/bin/sh
. ./lib.sh
ins quoting.ko; rem quoting
python3 quoting.py
hr by insmod
for a in 'a="x y"' '"a=x y"' "a='x y'" 'a=\"x' '-- a=1' 'a=1 -- d=2' '--a=1' '=' 'a' ; do
	echo "$a:"; dmesg -C; ins quoting.ko "$a" && rem quoting; klog '^qu: |^quoting: [^lm]'
done
echo two:; dmesg -C; ins quoting.ko 'a=x y' d=z && rem quoting; klog '^qu: |^quoting: [^lm]'
P=/sys/module/quoting/parameters; ins quoting.ko; dmesg -C
hr by sysfs
for v in '"x y"' ' x ' 'a=b' '' '
' 'x
' 'x

'; do put "$v" $P/a; done
printf 'one\0two' >$P/a; printf '\0' >$P/a; printf '\377\001\\"' >$P/a
head -c 4095 /dev/zero | tr '\0' x >$P/a; head -c 4096 /dev/zero | tr '\0' x >$P/a
python3 -c "
import os
f = os.open('$P/a', os.O_WRONLY)
for n in (4094, 4095, 4096, 4097, 9000):
    print(n, os.write(f, b'y' * n))
print('at 3', os.pwrite(f, b'at 3', 3)); print('empty', os.write(f, b''))"
klog '^qu: '
