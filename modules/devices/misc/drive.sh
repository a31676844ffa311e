#!/bin/sh
. ./lib.sh
ins spyglass.ko
awk '$2 ~ /^spy/{print $2}' /proc/misc
stat -c '%F %A %n' /dev/spyglass /dev/spies/nested
python3 - <<'PY'
import os, select, threading, time
f = os.open('/dev/spyglass', os.O_RDWR)
g = os.open('/dev/spyglass', os.O_RDWR | os.O_NONBLOCK)
def t(name, call):
    try: print(name, call())
    except OSError as e: print(name, e.strerror)
def events(fd, ms):
    p = select.poll(); p.register(fd, select.POLLIN | select.POLLOUT); return [e for _, e in p.poll(ms)]
t('nothing yet', lambda: os.read(g, 4))
print('poll', events(g, 0))
t('write', lambda: os.write(f, b'abc'))
print('poll', events(g, 0))
t('too short', lambda: os.read(f, 2))
def later(call):
    th = threading.Timer(0.3, call); th.start(); return th
th = later(lambda: os.write(g, b'12345')); print('blocking read', os.read(f, 8)); th.join()
p = select.poll(); p.register(f, select.POLLIN)
th = later(lambda: os.write(g, b'1')); print('poll wakes', [e for _, e in p.poll(10000)]); th.join()
t('read', lambda: os.read(f, 4))
print('poll times out', p.poll(200))
e = select.epoll(); e.register(f, select.EPOLLIN | select.EPOLLET)
th = later(lambda: os.write(g, b'22')); print('epoll', [m for _, m in e.poll(10)]); th.join()
t('read', lambda: os.read(f, 4))
t('seek', lambda: os.lseek(f, 0, 0))
print(open('/sys/module/spyglass/refcnt').read().strip())
PY
hr interrupted; timeout 1 cat /dev/spyglass; echo "status $?"
rem spyglass; has /dev/spyglass; has /dev/spies/nested
klog '^sp:'
