#!/bin/sh
. ./lib.sh
has /sys/module/moddir; ins moddir.ko; ins plaindir.ko; M=/sys/module/moddir
hr files; (cd $M; find . | LC_ALL=C sort | while read f; do stat -c '%A %u %g %s %F %n' $f; done) | sed '/directory/s/ 0 0 [0-9]* / 0 0 N /'
hr plain; ls /sys/module/plaindir; ls /sys/module/plaindir/holders; get /sys/module/plaindir/taint
hr contents; for f in initstate refcnt taint version coresize initsize; do echo "$f: $(get $M/$f | sed '/^[0-9]\{3,\}$/s/.*/N/')"; done; [ $(($(cat $M/coresize) % 4096)) = 0 ] && echo whole pages
[ "$(cat $M/coresize)" = "$(lsmod | awk '$1=="moddir"{print $2}')" ] && echo lsmod agrees; wc -c <$M/srcversion; cat $M/initsize
hr writes; for f in initstate refcnt taint version coresize initsize srcversion sections/.init.text notes/.note.gnu.build-id holders parameters; do echo "$f: $(put x $M/$f)"; done
hr reads; get $M/uevent; get $M/holders; get $M/parameters; get $M/nothing
python3 - <<'PY'
import errno, os
M = '/sys/module/moddir/'
def t(what, f):
    try:
        print(what, f())
    except OSError as e:
        print(what, errno.errorcode[e.errno])
for n in ('refcnt', 'version', 'taint'):
    f = os.open(M + n, os.O_RDONLY)
    t(n, lambda: [os.read(f, 1), os.read(f, 1), os.read(f, 100), os.read(f, 100)])
    t('at 2', lambda: os.pread(f, 100, 2)); t('at 4095', lambda: os.pread(f, 100, 4095)); t('end', lambda: os.lseek(f, 0, 2)); t('back', lambda: os.lseek(f, -1, 1)); t('negative', lambda: os.lseek(f, -1, 0)); t('read', lambda: os.read(f, 5))
t('create', lambda: os.open(M + 'new', os.O_CREAT | os.O_WRONLY)); t('mkdir', lambda: os.mkdir(M + 'new')); t('rmdir', lambda: os.rmdir(M + 'holders')); t('unlink', lambda: os.unlink(M + 'refcnt'))
t('symlink', lambda: os.symlink('a', M + 'new')); t('link', lambda: os.link(M + 'refcnt', M + 'new')); t('rename', lambda: os.rename(M + 'refcnt', M + 'new')); t('rename dir', lambda: os.rename('/sys/module/moddir', '/sys/module/other')); t('rmdir', lambda: os.rmdir('/sys/module/moddir'))
t('chmod', lambda: os.chmod(M + 'refcnt', 0o600)); t('mode', lambda: oct(os.stat(M + 'refcnt').st_mode)); t('chown', lambda: os.chown(M + 'version', 5, 6)); t('owner', lambda: os.stat(M + 'version')[4:6])
d = os.open(M, os.O_RDONLY | os.O_DIRECTORY); g = os.open(M + 'refcnt', os.O_RDONLY); s = os.open(M + 'sections/.init.text', os.O_RDONLY)
os.system('rmmod moddir')
t('gone', lambda: os.read(g, 10)); t('section', lambda: os.read(s, 10)); t('open', lambda: os.open('refcnt', 0, dir_fd=d)); t('stat', lambda: os.fstat(g).st_size)
PY
has $M; rem plaindir; ls /sys/module | grep -c dir
