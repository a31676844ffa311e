#!/bin/sh
. ./lib.sh
ins noted.ko; N=/sys/module/noted/notes; mode $N $N/.note* | sort; stat -c '%s %n' $N/.note* | sed 's/ .*notes/ notes/'
python3 - <<'PY'
import os, struct
d = open('noted.ko', 'rb').read()
off, = struct.unpack_from('<Q', d, 40); num, strx = struct.unpack_from('<HH', d, 60)
sh = [struct.unpack_from('<IIQQQQIIQQ', d, off + 64 * i) for i in range(num)]
name = lambda s: d[sh[strx][4] + s[0]:].split(b'\0')[0].decode()
N = '/sys/module/noted/notes/'
want = {name(s): d[s[4]:s[4] + s[5]] for s in sh if s[1] == 7 and s[2] & 2}
print(sorted(os.listdir(N)) == sorted(want))
for n in sorted(want):
    f = os.open(N + n, os.O_RDONLY); got = os.read(f, 4096); print(n, got == want[n], os.read(f, 10), os.pread(f, 7, 3) == want[n][3:10], os.pread(f, 5, 5000))
print(open(N + '.note.mine', 'rb').read())
try: os.open(N + '.note.mine', os.O_WRONLY)
except OSError as e: print(e)
PY
rem noted; has $N
