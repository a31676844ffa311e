import errno, os, select
fill = lambda n: open('/sys/module/kmsgo/parameters/fill', 'w').write(str(n))
def t(f):
    try:
        return f()
    except OSError as e:
        return errno.errorcode[e.errno]
fill(3)
fd = os.open('/dev/kmsg', os.O_RDWR | os.O_NONBLOCK); os.lseek(fd, 0, 3)
text = lambda r: r if isinstance(r, str) else r.split(b';', 1)[1].split()[:2]
first = os.read(fd, 8192); n = int(first.split(b',')[1]); print(text(first))
p = select.poll(); p.register(fd, select.POLLIN | select.POLLPRI)
print('poll', p.poll(0)[0][1]); fill(3000); print('poll', p.poll(0)[0][1])
print(t(lambda: os.read(fd, 8192))); after = t(lambda: os.read(fd, 8192)); print('goes on', isinstance(after, bytes) and int(after.split(b',')[1]) > n + 3, 'poll', p.poll(0)[0][1])
again = os.read(fd, 8192); print('next', int(again.split(b',')[1]) - int(after.split(b',')[1]))
print([t(lambda: os.lseek(fd, o, w)) for o, w in ((0, 0), (0, 2), (0, 3), (1, 0), (-1, 0), (0, 1), (5, 1), (-5, 2), (0, 4), (0, 5), (0, 9))])
os.lseek(fd, 0, 2); print(t(lambda: os.read(fd, 100))); fill(1); print(text(t(lambda: os.read(fd, 8192))), t(lambda: os.read(fd, 100)))
fill(1); print(t(lambda: os.read(fd, 0)), t(lambda: os.read(fd, 20)), t(lambda: os.read(fd, 100)))
print('pread', t(lambda: os.pread(fd, 100, 5)), t(lambda: os.pwrite(fd, b'ko: at\n', 5)), text(t(lambda: os.read(fd, 8192))))
print('writev', t(lambda: os.writev(fd, [b'<4>', b'ko: one', b' two\n'])), t(lambda: os.read(fd, 8192)).split(b',')[0], )
print('truncate', t(lambda: os.ftruncate(fd, 0)), t(lambda: os.open('/dev/kmsg', os.O_WRONLY | os.O_TRUNC) > 0), t(lambda: os.open('/dev/kmsg', os.O_WRONLY | os.O_APPEND) > 0))
