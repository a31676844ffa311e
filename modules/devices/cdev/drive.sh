#!/bin/sh
. ./lib.sh
ins berth.ko
M=$(awk '$2=="berth"{print $1}' /proc/devices)
awk '/^ *[0-9]+ berth/{print $2}' /proc/devices | sort
D=/tmp/berths; rm -rf $D; mkdir $D
for m in 5 6 7 8 9; do mknod $D/b$m c "$M" $m; done
hr kinds; stat -c '%F %A' $D/b5; [ -c $D/b5 ] && echo character device
hr each its own; echo one >$D/b5; echo two >$D/b6; head -c 4 $D/b5; head -c 4 $D/b6
hr append and past the end; printf more >>$D/b5; head -c 5 $D/b5; echo; dd if=/dev/zero of=$D/b7 bs=40 count=1 2>&1 | head -2
hr bare; get $D/b8; put x $D/b8
hr none; get $D/b9
hr python
python3 - $D <<'PY'
import ctypes, fcntl, os, struct, sys
D = sys.argv[1]
def t(name, f):
    try: print(name, f())
    except OSError as e: print(name, e.strerror)
f = os.open(D + '/b5', os.O_RDWR)
g = os.open(D + '/b5', os.O_RDONLY)
t('write', lambda: os.write(f, b'0123456789'))
t('other position', lambda: os.read(g, 3))
t('where', lambda: (os.lseek(f, 0, 1), os.lseek(g, 0, 1)))
t('seek', lambda: (os.lseek(f, 2, 0), os.read(f, 2), os.lseek(f, 3, 1), os.read(f, 1)))
t('before the start', lambda: os.lseek(f, -1, 0))
t('end', lambda: os.lseek(f, 0, 2))
t('far', lambda: os.lseek(f, 1 << 40, 0))
t('read far', lambda: os.read(f, 4))
t('pread', lambda: (os.pread(f, 3, 1), os.lseek(f, 0, 1) == 1 << 40))
t('double', lambda: fcntl.ioctl(f, 0xc0106201, struct.pack('i12s', 21, b'')))
buf = bytearray(struct.pack('i12s', 4, b''))
t('result', lambda: (fcntl.ioctl(f, 0xc0106201, buf), struct.unpack('i12s', buf)))
n = bytearray(4)
t('length', lambda: (fcntl.ioctl(g, 0x80046202, n), struct.unpack('i', n)))
t('clear', lambda: fcntl.ioctl(f, 0x6203))
t('unknown', lambda: fcntl.ioctl(f, 0x6204))
c = ctypes.CDLL(None, use_errno=True)
print('bad pointer', c.ioctl(f, ctypes.c_ulong(0x80046202), ctypes.c_void_p(8)), os.strerror(ctypes.get_errno()))
t('write to a reader', lambda: os.write(g, b'x'))
t('dup', lambda: (os.lseek(f, 5, 0), os.lseek(os.dup(f), 0, 1)))
print(open('/sys/module/berth/refcnt').read().strip())
PY
cat /sys/module/berth/refcnt
hr held; exec 3<$D/b6; rem berth; cat /sys/module/berth/refcnt; exec 3<&-
rem berth; get $D/b5; awk '/^ *[0-9]+ berth/' /proc/devices
rm -r $D
klog '^be:|CHRDEV'
