import errno, os, re
def t(what, f):
    try:
        print(what, f())
    except OSError as e:
        print(what, errno.errorcode[e.errno])
def lines(): return open('/proc/modules').read().splitlines()
line = next(l for l in lines() if l.startswith('procced '))
print(re.sub(r'0x[0-9a-f]{16}', 'ADDR', re.sub(r'^procced \d+', 'procced N', line)))
print('first', lines()[0].startswith('procced '), 'all alike', all(re.fullmatch(r'\w+ \d+ -?\d+ \S+ (Live|Loading|Unloading) 0x[0-9a-f]{16}( \([A-Z]+[+-]?\))?', l) for l in lines()))
size = int(line.split()[1]); print('size', size % 4096, size == int(open('/sys/module/procced/coresize').read()))
base = int(line.split()[5], 16); print('base', base != 0)
R = '/proc/sys/kernel/kptr_restrict'
for r in '012':
    open(R, 'w').write(r); l = next(l for l in lines() if l.startswith('procced ')); print(r, int(l.split()[5], 16) == base, l.split()[5] == '0x' + '0' * 16)
open(R, 'w').write('0')
whole = open('/proc/modules', 'rb').read()
f = os.open('/proc/modules', os.O_RDONLY); got = b''
while (b := os.read(f, 1)): got += b
print('byte by byte', got == whole, os.read(f, 10))
t('seek', lambda: os.lseek(f, 0, 0)); t('same', lambda: os.read(f, 65536) == whole); t('pread', lambda: os.pread(f, 5, 3) == whole[3:8]); t('beyond', lambda: os.pread(f, 5, 100000))
t('seek 5', lambda: os.lseek(f, 5, os.SEEK_SET)); t('read', lambda: os.read(f, 3) == whole[5:8]); t('cur', lambda: os.lseek(f, -2, os.SEEK_CUR)); t('read', lambda: os.read(f, 3) == whole[6:9]); t('negative', lambda: os.lseek(f, -1, os.SEEK_SET))
k = os.open('/proc/kallsyms', os.O_RDONLY)
a = os.read(k, 1000); t('kallsyms', lambda: len(a) > 0 and os.pread(k, 100, 20) == a[20:120])
for name in ('version', 'cmdline', 'devices'):
    f = os.open('/proc/' + name, os.O_RDONLY); whole = os.read(f, 100000)
    t(name, lambda: [os.read(f, 5), os.pread(f, 4, 2) == whole[2:6], os.pread(f, 4, 5000)])
