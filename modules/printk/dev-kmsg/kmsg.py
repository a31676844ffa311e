import errno, os, re, select
say = lambda s: open('/sys/module/kmsgs/parameters/say', 'w').write(s)
def show(r):
    head, _, text = r.decode('utf-8', 'replace').partition(';')
    f = head.split(',')
    return f"{f[0]},{f[3:]};{text!r}"
def read(fd, n=8192):
    try:
        return show(os.read(fd, n))
    except OSError as e:
        return errno.errorcode[e.errno]
fd = os.open('/dev/kmsg', os.O_RDWR | os.O_NONBLOCK)
print('seek end', os.lseek(fd, 0, os.SEEK_END), read(fd))
say('one'); say('two\nlines'); say('tab\there \\ and \x01 and \xe9')
for _ in range(5):
    print(read(fd))
say('sequence'); a = os.read(fd, 8192); say('sequence'); b = os.read(fd, 8192)
n = [int(x.split(b',')[1]) for x in (a, b)]
t = [int(x.split(b',')[2]) for x in (a, b)]
print('next number', n[1] - n[0], 'time grows', t[1] >= t[0])
say('small buffer'); print('10 bytes', read(fd, 10)); print('again', read(fd))
print('seek cur', end=' ')
try:
    print(os.lseek(fd, 3, os.SEEK_SET))
except OSError as e:
    print(errno.errorcode[e.errno])
print('seek set', os.lseek(fd, 0, os.SEEK_SET), 'record', read(fd) != 'EAGAIN')
os.lseek(fd, 0, os.SEEK_END)
p = select.poll(); p.register(fd, select.POLLIN)
print('poll', p.poll(0)); say('poll'); print('poll', [e for _, e in p.poll(1000)]); print(read(fd)); print('poll', p.poll(0))
def write(s):
    try:
        r = os.write(fd, s)
    except OSError as e:
        r = errno.errorcode[e.errno]
    print('write', s[:20], r, read(fd))
for s in (b'km: plain\n', b'km: no newline', b'<3>km: err\n', b'<11>km: user.err', b'<86>km: authpriv.info', b'<999>km: large',
          b'<x>km: no number', b'<>km: empty', b'<4 km: not closed', b'', b'\n', b'km: a\nkm: b\n', b'km: nul\0after', b'km: \xc3\xa9 \x01 \\'):
    write(s)
write(b'km: ' + b'x' * 900)
write(b'km: ' + b'y' * 1100)
ro = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
try:
    os.write(ro, b'km: no')
except OSError as e:
    print('read-only write', errno.errorcode[e.errno])
wo = os.open('/dev/kmsg', os.O_WRONLY)
try:
    os.read(wo, 100)
except OSError as e:
    print('write-only read', errno.errorcode[e.errno])
os.lseek(fd, 0, getattr(os, 'SEEK_DATA', 3))
print('after seek to data', read(fd) != '')
os.system('dmesg -C')
os.lseek(fd, 0, 3)
print('after clear, seek to data', read(fd))
