#!/bin/sh
. ./lib.sh
D=/proc/lkproc
ins lkproc.ko
ls $D $D/sub | cat; for f in raw none one many big sub; do stat -c '%A %u %g %s %n' $D/$f; done; readlink $D/link; ls -d $D
hr raw; cat $D/raw; cat $D/link; put hello $D/raw; cat $D/raw; echo; printf 'XY' | dd of=$D/raw bs=1 seek=3 conv=notrunc 2>/dev/null; cat $D/raw; echo; dd if=$D/raw bs=2 skip=1 2>/dev/null; echo
echo refuse > $D/raw; get $D/raw; echo x > $D/raw
hr none; get $D/none; put x $D/none; head -c 0 $D/none; echo $?
hr one; cat $D/one; dd if=$D/one bs=7 2>/dev/null | cmp - $D/one && echo same; put x $D/one
hr many; cat $D/many | cksum; dd if=$D/many bs=100 2>/dev/null | cksum; dd if=$D/many bs=65536 2>/dev/null | cksum; sed -n '1,3p;$p' $D/many
python3 - <<'PY'
import os, fcntl
f = os.open('/proc/lkproc/many', os.O_RDONLY)
print(len(os.read(f, 10)), len(os.read(f, 100000)), len(os.read(f, 100000)), os.read(f, 1))
print(os.pread(f, 20, 5000), os.pread(f, 5, 1 << 40))
os.close(f)
f = os.open('/proc/lkproc/raw', os.O_RDWR)
print(fcntl.ioctl(f, 7), os.read(f, 3), os.pread(f, 2, 1))
try: fcntl.ioctl(f, 8)
except OSError as e: print(e.strerror)
os.close(f)
f = os.open('/proc/lkproc/bad', os.O_RDONLY)
for i in range(3):
    try: print(os.read(f, 100))
    except OSError as e: print(e.strerror)
os.close(f)
PY
hr big; cat $D/big | cksum; wc -c < $D/big; dd if=$D/big bs=1000 skip=3 count=1 2>/dev/null | cksum
hr list; cat $D/list; dd if=$D/list bs=8 2>/dev/null
hr gone
exec 5<$D/raw 6<$D/many; head -c 5 <&6 >/dev/null
rem lkproc
get /proc/self/fd/5 2>&1 | sed 's/.*: //'; head -c 5 <&5 2>&1 | sed 's/.*: //'; head -c 5 <&6 2>&1 | sed 's/.*: //'
has $D
klog '^pf:|proc_dir_entry|^name |remove_proc'
