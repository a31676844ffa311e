#!/bin/sh
. ./lib.sh
ins lkproc.ko
python3 - <<'PY'
import os, fcntl
f = os.open('/proc/lkproc/many', os.O_RDONLY)
print(len(os.read(f, 10)), len(os.read(f, 100000)), os.lseek(f, 0, 1), os.pread(f, 20, 5000))
print(os.lseek(f, 100, 0), os.read(f, 12), os.lseek(f, -5, 1), os.read(f, 5))
for what in (lambda: os.lseek(f, -1, 0), lambda: os.lseek(f, 0, 2), lambda: os.lseek(f, 1 << 40, 0), lambda: os.read(f, 5)):
    try: print(what())
    except OSError as e: print(e.strerror)
os.close(f)
f = os.open('/proc/lkproc/raw', os.O_RDWR)
print(fcntl.ioctl(f, 7), os.lseek(f, 2, 0), os.read(f, 3))
try: fcntl.ioctl(f, 8)
except OSError as e: print(e.strerror)
os.close(f)
f = os.open('/proc/lkproc/bad', os.O_RDONLY)
for i in range(3):
    try: print(os.read(f, 100))
    except OSError as e: print(e.strerror)
os.close(f)
PY
head -3 /proc/lkproc/many
rem lkproc
klog '^pf: (many|open|release)'
