"""Listens to the kernel's uevents while a module comes and goes."""
import errno, os, select, socket, subprocess

PROTOCOL, PASSCRED, CREDENTIALS = 15, 16, 2
FILE = '/sys/module/nu/uevent'


def listener(groups, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_NETLINK, kind | socket.SOCK_CLOEXEC, PROTOCOL)
    if groups is not None:
        s.bind((0, groups))
    s.setsockopt(socket.SOL_SOCKET, PASSCRED, 1)
    return s


last = 0


def events(s, wait=1000, show=True):
    """What a socket got about the module."""
    global last
    count = 0
    while select.select([s], [], [], wait / 1000)[0]:
        data, extra, flags, sender = s.recvmsg(8192, 256)
        head, *fields = data.split(b'\0')
        if not head.decode().partition('@')[2].startswith('/module/nu'):
            continue
        fields = [f.decode() for f in fields]
        number = next(int(f[7:]) for f in fields if f.startswith('SEQNUM='))
        rest = [f for f in fields if not f.startswith('SEQNUM=')]
        uid = [int.from_bytes(d[4:8], 'little') for level, kind, d in extra if kind == CREDENTIALS]
        if show:
            print(' ', head.decode(), rest, 'place of SEQNUM', [f[:6] for f in fields].index('SEQNUM'),
                  'grows', number > last, 'from', sender, 'uid', uid, 'flags', flags)
            last = number
        count += 1
        wait = 300
    return count


def write(text):
    try:
        with open(FILE, 'w') as f:
            f.write(text)
        print(f'write {text!r}: ok')
    except OSError as e:
        print(f'write {text!r}: {errno.errorcode[e.errno]}')


def run(*words):
    print(*words, subprocess.run(words, stderr=subprocess.DEVNULL).returncode)


one = listener(1)
raw = listener(1, socket.SOCK_RAW)
udev, deaf = listener(2), listener(None)
print('name', one.getsockname()[1], one.family == socket.AF_NETLINK, one.getsockopt(socket.SOL_SOCKET, 38))
run('insmod', 'nu.ko')
events(one)
run('rmmod', 'nu')
events(one)
run('insmod', 'nu.ko', 'fail=-19')
events(one)
run('insmod', 'nu.ko')
events(one)
for text in ('change', 'add', 'add 12345678-1234-1234-1234-123456789abc A=1 B=two',
             'offline 12345678-1234-1234-1234-123456789abc', 'nothing', 'remove'):
    write(text)
    events(one)
run('rmmod', 'nu')
events(one)
print('others', events(raw, 100, False), events(udev, 100, False), events(deaf, 100, False))
deaf.bind((0, 1))
one.setblocking(False)
try:
    one.recv(10)
except OSError as e:
    print('nothing there:', errno.errorcode[e.errno])
one.close()
run('insmod', 'nu.ko')
print('late', events(deaf, 1000, False))
run('rmmod', 'nu')
for args in ((socket.AF_NETLINK, socket.SOCK_STREAM, PROTOCOL), (socket.AF_NETLINK, socket.SOCK_DGRAM, 99)):
    try:
        socket.socket(*args)
        print('made')
    except OSError as e:
        print('refused', errno.errorcode[e.errno])
