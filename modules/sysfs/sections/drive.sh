#!/bin/sh
. ./lib.sh
dmesg -C; ins sects.ko; S=/sys/module/sects/sections
hr names; ls -A $S; stat -c '%A %s' $S/.text
python3 - <<'PY'
import errno, os, re, subprocess
S = '/sys/module/sects/sections/'
log = subprocess.run(['dmesg'], stdout=subprocess.PIPE, text=True).stdout
at = {k: int(v, 16) for k, v in re.findall(r'(\w+) ([0-9a-f]{8,16})\b', log[log.index('se: text'):])}
def sec(n): return int(open(S + n).read(), 16)
def t(what, f):
    try:
        print(what, f())
    except OSError as e:
        print(what, errno.errorcode[e.errno])
raw = open(S + '.text', 'rb').read()
print('form', len(raw), raw[:2], raw[-1:], re.fullmatch(rb'0x[0-9a-f]{16}\n', raw) is not None)
for name, key in (('.text', 'text'), ('.data', 'data'), ('.bss', 'bss'), ('.init.text', 'init'), ('.init.data', 'initdata'), ('.gnu.linkonce.this_module', 'this')):
    print(name, key, 0 <= at[key] - sec(name) < 4096)
f = os.open(S + '.text', os.O_RDONLY)
t('part', lambda: os.pread(f, 5, 0) == raw[:5]); t('at 5', lambda: os.pread(f, 5, 5)); t('at 18', lambda: os.pread(f, 5, 18)); t('at 19', lambda: os.pread(f, 5, 19)); t('at 100', lambda: os.pread(f, 5, 100))
t('read', lambda: os.read(f, 100) == raw); t('again', lambda: os.read(f, 100)); t('nothing', lambda: os.pread(f, 0, 0)); t('seek', lambda: os.lseek(f, 0, 2)); t('1 byte', lambda: os.pread(f, 1, 0))
R = '/proc/sys/kernel/kptr_restrict'
for r in '012':
    open(R, 'w').write(r)
    print('restrict', r, sec('.text') == at['text'], sec('.text') == 0, os.pread(f, 100, 0) == raw)
open(R, 'w').write('0')
t('write', lambda: os.open(S + '.text', os.O_WRONLY)); t('rw', lambda: os.open(S + '.text', os.O_RDWR))
PY
rem sects
