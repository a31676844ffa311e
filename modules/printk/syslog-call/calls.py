import ctypes, errno, os, re, signal
from functools import partial
print = partial(print, flush=True)
libc = ctypes.CDLL(None, use_errno=True)
say = lambda s: open('/sys/module/syslogs/parameters/say', 'w').write(s)
def call(kind, size=0, buf=True):
    b = ctypes.create_string_buffer(max(size, 1)) if buf is True else buf
    r = libc.syscall(103, kind, b, ctypes.c_long(size))
    e = errno.errorcode[ctypes.get_errno()] if r < 0 else r
    return e, (b.raw[:max(r, 0)] if buf is True else b'')
def text(b):
    return re.sub(r'\[ *\d+\.\d+\]', '[T]', b.decode('utf-8', 'replace'))
level = lambda: open('/proc/sys/kernel/printk').read().split()[0]
print('0 close', call(0)[0], '1 open', call(1)[0])
libc.syscall(103, 5, None, 0)
say('one'); say('two')
r, b = call(3, 4096); print('3 all', r == len(b), repr(text(b)))
say('with a longer text')
r, b = call(3, 60); print('3, 60 bytes', repr(text(b)))
r, b = call(3, 10); print('3, 10 bytes', r, repr(text(b)))
print('10 size of buffer', call(10)[0])
size = call(9)[0]
print('9 unread', size > 0)
r, b = call(2, 16384)
while '\nSTOP' not in text(b) and call(9)[0] > 0:
    r, b = call(2, 16384)
print('2 reads the rest', call(9)[0])
say('three'); n = call(9)[0]; r, b = call(2, n + 50); print('2', r == n, repr(text(b)), '9', call(9)[0])
say('cut in pieces'); r1, b1 = call(2, 10); r2, b2 = call(2, 4096); print('2 in pieces', r1, repr(text(b1 + b2)))
r, b = call(4, 4096); print('4 read and clear', 'sy: cut' in text(b), '3 after', call(3, 4096))
say('four'); print('5 clear', call(5)[0], call(3, 4096))
print('level', level(), '6 off', call(6)[0], level(), '7 on', call(7)[0], level())
for n in (-1, 0, 1, 5, 8, 9): print('8 level', n, call(8, n)[0], level())
print('6 twice', call(6)[0], call(6)[0], level(), call(7)[0], level())
call(8, 7)
for kind in (2, 3, 4):
    print(kind, 'no buffer', call(kind, 10, None)[0], 'no size', call(kind, 0)[0], 'negative', call(kind, -5)[0], 'bad pointer', end=' ')
    say('bad'); print(call(kind, 100, ctypes.c_void_p(8))[0])
print('11', call(11)[0], '-1', call(-1)[0])
while call(9)[0] > 0: call(2, 4096)
pid = os.fork()
if pid == 0:
    r, b = call(2, 4096); print('2 woke up with', repr(text(b)), flush=True); os._exit(0)
import time; time.sleep(0.3); say('wake'); os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGALRM, lambda *a: print('alarm')); signal.siginterrupt(signal.SIGALRM, True); signal.alarm(1)
    print('2 interrupted', call(2, 4096)[0], flush=True); os._exit(0)
os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:
    os.setuid(65534)
    for kind, size in ((1, 0), (2, 10), (3, 4096), (4, 10), (5, 0), (6, 0), (7, 0), (8, 5), (9, 0), (10, 0), (11, 0)): print('as nobody', kind, 'EPERM' if call(kind, size)[0] == 'EPERM' else 'not EPERM')
    open('/proc/sys/kernel/printk').read()
    try: open('/dev/kmsg')
    except OSError as e: print('kmsg', errno.errorcode[e.errno])
    import sys; sys.stdout.flush(); os._exit(0)
os.waitpid(pid, 0)
