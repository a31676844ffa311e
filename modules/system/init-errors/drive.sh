#!/bin/sh
. ./lib.sh
for e in 1 2 3 4 5 6 7 11 12 13 14 16 17 19 20 22 25 28 34 38 61 71 95 110 121 131 133 134 512 516 517 600 4095; do ins grump.ko result=-$e; done
has /sys/module/grump; lsmod | grep -c grump
for r in 1 7 256; do ins grump.ko result=$r; lsmod | awk '$1=="grump"{print $3}'; rem grump; done
klog '^(gr:|do_init)'
python3 - <<'PY'
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
b = open('grump.ko', 'rb').read()
for r in (-1, -4, -512, -516, -517, -4095, -4096, -5000):
    ctypes.set_errno(0)
    v = c.syscall(175, b, len(b), b'result=%d' % r)
    print(r, v, ctypes.get_errno())
    c.syscall(176, b'grump', os.O_NONBLOCK)
PY
