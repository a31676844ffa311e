import mmap, stat

KO = read('sy.ko')
NULL = 0


def file(what, fd, flags=0, params=b''):
    result = call(FINIT, fd, params, flags)
    say(what, result)
    if result == 0:
        print('  delete_module:', delete('sy'))
        log()


def opened(path, flags, *mode):
    return os.open(path, flags, *mode)


def raw(what, *args):
    result = call(*args)
    say(what, result)
    if result == 0:
        print('  delete_module:', delete('sy'))
        log()


def child(what, prepare):
    """Makes both calls in a process that first does something."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        prepare()
        print(what, 'init_module', call(INIT, KO, len(KO), b''), 'finit_module', call(FINIT, FD, b'', 0),
              'delete_module', delete('sy'), 'with a bad pointer', call(INIT, 8, len(KO), 8), 'of a bad descriptor',
              call(FINIT, 999, b'', 0), 'with bad flags', call(FINIT, FD, b'', 64))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    log()


head('init_module')
raw('as it should be', INIT, KO, len(KO), b'')
raw('image NULL', INIT, NULL, len(KO), b'')
raw('image NULL, length 0', INIT, NULL, 0, b'')
raw('image NULL, length 63', INIT, NULL, 63, b'')
raw('image at 8', INIT, 8, len(KO), b'')
raw('image reaches out of the mapping', INIT, KO, len(KO) + (1 << 40), b'')
raw('length of all memory', INIT, KO, 2 ** 63 - 1, b'')
raw('length -1', INIT, KO, -1, b'')
raw('parameters NULL', INIT, KO, len(KO), NULL)
raw('parameters at 8', INIT, KO, len(KO), 8)
raw('parameters in the kernel', INIT, KO, len(KO), -4096)
raw('image no module and parameters at 8', INIT, bytes(4096), 4096, 8)
page = mmap.mmap(-1, 8192)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
page[0:8192] = b'x' * 8192
libc.mprotect(ctypes.c_long(address + 4096), ctypes.c_long(4096), 0)
raw('parameters run into a hole', INIT, KO, len(KO), address)
raw('image runs into a hole', INIT, address, 8192, b'')
raw('parameter of 1000 letters', INIT, KO, len(KO), b'word=' + b'w' * 1000)
raw('parameter of 1024 letters', INIT, KO, len(KO), b'word=' + b'w' * 1024)
raw('parameter with as many letters in quotes', INIT, KO, len(KO), b'word="' + b'w' * 1024 + b'"')
raw('parameters of 2 MiB', INIT, KO, len(KO), b' ' * (2 << 20))
raw('parameters of 4 MiB', INIT, KO, len(KO), b' ' * (4 << 20))
raw('image no module and parameters of 4 MiB', INIT, bytes(4096), 4096, b' ' * (4 << 20))
head('finit_module')
FD = opened('sy.ko', os.O_RDONLY)
file('as it should be', FD)
os.lseek(FD, 100, os.SEEK_SET)
file('from the middle', FD)
print('position afterwards', os.lseek(FD, 0, os.SEEK_CUR))
file('descriptor -1', -1)
file('descriptor 999', 999)
file('parameters at 8', FD, params=8)
file('bad descriptor and parameters', 999, params=8)
copy = 'copy.ko'
with open(copy, 'wb') as f:
    f.write(KO)
fd = opened(copy, os.O_WRONLY)
file('write-only', fd)
os.close(fd)
fd = opened(copy, os.O_RDWR)
file('opened for reading and writing', fd)
other = opened(copy, os.O_RDONLY)
file('opened for writing by another descriptor', other)
os.close(fd)
file('once that is closed', other)
os.close(other)
fd = opened(copy, os.O_PATH)
file('O_PATH', fd)
os.close(fd)
fd = opened('.', os.O_RDONLY)
file('directory', fd)
os.close(fd)
r, w = os.pipe()
file('pipe', r)
fd = opened('/dev/null', os.O_RDONLY)
file('/dev/null', fd)
fd = opened('/proc/version', os.O_RDONLY)
file('/proc/version', fd)
fd = os.memfd_create('sy')
os.write(fd, KO)
file('memfd', fd)
head('large files')
for what, size in (('2 GiB', 2 << 30), ('2 GiB and a byte', (2 << 30) + 1), ('1 TiB', 1 << 40)):
    fd = os.memfd_create('large')
    os.write(fd, KO)
    os.ftruncate(fd, size)
    file(what, fd)
    file(what + ', bad flags', fd, 8)
    file(what + ', parameters at 8', fd, params=8)
    os.close(fd)
fd = os.memfd_create('large')
os.write(fd, KO)
os.ftruncate(fd, (2 << 30) - 1)
# The kernel tells at length how little memory it has.
print('2 GiB less a byte, more than there is memory:', call(FINIT, fd, b'', 0))
taken()
os.close(fd)
head('flags')
for flags in (1, 2, 3, 4, 5, 7, 8, 16, -1, 1 << 31):
    file(f'{flags}', FD, flags)
file('8 and a bad descriptor', 999, 8)
head('packed files')
for packing in ('xz', 'zst', 'gz'):
    fd = opened(f'sy.ko.{packing}', os.O_RDONLY)
    file(f'{packing}, no flag', fd)
    if packing == 'xz':
        file(f'{packing}, flag', fd, 4)
    os.close(fd)
    data = read(f'sy.ko.{packing}')
    raw(f'{packing} by init_module', INIT, data, len(data), b'')
data = read('sy.ko.xz')
load_file('xz, cut', data[:-100], flags=4, unload='sy')
load_file('xz, no bytes', b'', flags=4, unload='sy')
load_file('xz, damaged', data[:200] + bytes(50) + data[250:], flags=4, unload='sy')
head('delete_module')
for name in (b'', b'sy', b'a' * 55, b'a' * 56, b'a' * 5000):
    print(len(name), 'letters:', delete(name))
print('NULL:', call(DELETE, NULL, 0))
print('at 8:', call(DELETE, 8, 0))
print('runs into a hole:', call(DELETE, address + 4090, 0), call(DELETE, address + 4000, 0))
print('all flags:', delete('sy', -1))
print('name with a dash:', call(INIT, KO, len(KO), b''), delete('s-y'), delete('sy.ko'), delete('sy\n'), delete('sy'))
log()
head('without the capability')
CAPSET, VERSION_3 = 126, 0x20080522
child('root without any', lambda: call(CAPSET, struct.pack('<Ii', VERSION_3, 0), bytes(24)))
head('modules_disabled')
def set_disabled(value):
    try:
        with open('/proc/sys/kernel/modules_disabled', 'w') as f:
            f.write(value)
        return 'ok'
    except OSError as e:
        return errno.errorcode[e.errno]
print(text('/proc/sys/kernel/modules_disabled'), set_disabled('2'), set_disabled('0'), set_disabled('1'),
      text('/proc/sys/kernel/modules_disabled'), set_disabled('0'), set_disabled('1'))
child('root', lambda: None)
