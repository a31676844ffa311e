#!/bin/sh
. ./lib.sh
dmesg -C; ins permissions.ko p0=1 p0200=2; P=/sys/module/permissions/parameters
mode /sys/module/permissions $P $P/*; stat -c '%u %g %s %F %h %n' $P $P/*
hr root
for p in $P/p*; do echo "${p##*/}:"; get $p; put 5 $p; get $p; done
python3 - <<'PY'
import errno, os
P = '/sys/module/permissions/parameters/'
def t(what, f):
    try:
        print(what, f())
    except OSError as e:
        print(what, errno.errorcode[e.errno])
f = os.open(P + 'p0644', os.O_RDWR)
t('read', lambda: os.read(f, 100)); t('end', lambda: os.read(f, 100))
t('write', lambda: os.write(f, b'12345\n')); t('read', lambda: os.read(f, 100))
t('seek', lambda: os.lseek(f, 0, os.SEEK_SET)); t('read 2', lambda: os.read(f, 2)); t('read 2', lambda: os.read(f, 2)); t('read', lambda: os.read(f, 100))
t('seek 3', lambda: os.lseek(f, 3, os.SEEK_SET)); t('read', lambda: os.read(f, 100))
t('pread 4', lambda: os.pread(f, 10, 4)); t('pread 50', lambda: os.pread(f, 10, 50))
t('seek end', lambda: os.lseek(f, 0, os.SEEK_END)); t('seek cur', lambda: os.lseek(f, 0, os.SEEK_CUR))
t('two', lambda: os.writev(f, [b'1', b'2'])); t('now', lambda: os.pread(f, 10, 0))
g = os.open(P + 'p0644', os.O_WRONLY | os.O_TRUNC | os.O_APPEND); t('append', lambda: os.write(g, b'77')); t('now', lambda: os.pread(f, 10, 0))
t('truncate', lambda: os.ftruncate(g, 0)); t('now', lambda: os.pread(f, 10, 0))
t('unlink', lambda: os.unlink(P + 'p0644')); t('create', lambda: os.open(P + 'new', os.O_WRONLY | os.O_CREAT)); t('mkdir', lambda: os.mkdir(P + 'dir')); t('rename', lambda: os.rename(P + 'p0644', P + 'p1'))
t('chmod', lambda: os.chmod(P + 'p0444', 0o666)); t('mode', lambda: oct(os.stat(P + 'p0444').st_mode)); t('open', lambda: os.open(P + 'p0444', os.O_WRONLY))
t('chmod', lambda: os.chmod(P + 'p0200', 0o600)); t('open', lambda: os.open(P + 'p0200', os.O_RDONLY) > 0)
t('chmod', lambda: os.chmod(P + 'p0644', 0)); t('open', lambda: os.open(P + 'p0644', os.O_RDWR))
t('access', lambda: [os.access(P + 'p0400', m) for m in (os.R_OK, os.W_OK, os.X_OK)])
held = os.open(P + 'p0600', os.O_RDWR)
os.system('rmmod permissions')
t('gone, read', lambda: os.read(held, 10)); t('gone, write', lambda: os.write(held, b'1')); t('gone, exists', lambda: os.path.exists(P))
PY
klog '^(pe: |permissions: [^lm])'
