import errno, os
seq = lambda: int(open('/sys/kernel/uevent_seqnum').read())
n = seq(); os.system('insmod uevented.ko'); print('load', seq() - n)
U = '/sys/module/uevented/uevent'
def w(s):
    n = seq(); f = os.open(U, os.O_WRONLY)
    try:
        r = os.write(f, s)
    except OSError as e:
        r = errno.errorcode[e.errno]
    os.close(f); print(s, r, seq() - n)
u = b' 12345678-9abc-def0-1234-56789abcdef0'
for a in b'add remove change move online offline bind unbind'.split(): w(a)
for s in (b'add\n', b'add\0', b'add\n\n', b'ADD', b'ad', b'added', b'', b'\n', b' ', b' add', b'add ', b'change x', b'change' + u, b'change' + u.upper(), b'change' + u + b'\n', b'change' + u + b' ', b'change ' + u,
          b'change' + u + b' A=1', b'change' + u + b' A=1 Bc=d2', b'change' + u + b' A', b'change' + u + b' A=', b'change' + u + b' =1', b'change' + u + b' A=1  B=2', b'change' + u + b' A_B=1', b'change' + u + b' A=1-2',
          b'change' + u + b' A=1\n', b'change' + u[:-1], b'change' + u + b'0', b'change' + u.replace(b'-', b'_'), b'change' + u + b' A=' + b'1' * 100, b'change 1', b'change 0', b'change\xff', b'change\0x'): w(s)
try: os.open(U, os.O_RDONLY)
except OSError as e: print(e)
n = seq(); os.system('rmmod uevented'); print('unload', seq() - n)
