import ctypes, errno, os, subprocess
c = ctypes.CDLL(None, use_errno=True)
image = open('quoting.ko', 'rb').read()
def load(args):
    os.system('dmesg -C')
    # no byte follows that could end the string by chance but the NUL
    buf = ctypes.create_string_buffer(args)
    r = c.syscall(175, image, len(image), buf)
    e = errno.errorcode[ctypes.get_errno()] if r else 'ok'
    print(args[:60] if len(args) < 300 else f'{args[:20]}... {len(args)}', e)
    if r == 0:
        c.syscall(176, b'quoting', 0)
    log = subprocess.run(['dmesg'], stdout=subprocess.PIPE).stdout
    lines = [line[line.find(b'] ') + 2:] for line in log.split(b'\n')]
    for line in (sorted(set(lines), key=lines.index) if len(args) > 3500 else lines):
        if line.startswith(b'qu: ') or (line.startswith(b'quoting: ') and not line.startswith((b'quoting: l', b'quoting: m'))):
            print('   ', line[:150].decode('latin-1'))
for s in (b'', b' ', b'a', b'a=', b' a=1', b'a=1 ', b'a=1  d=2', b'a=1\td=2\nb_c=3\r', b'\x0ba=1\x0cd=2', b'a=1\xa0d=2', b'a=\xe9\xff\x01',
          b'a="1 2"', b'"a=1 2"', b'"a"=1', b'"a"="1"', b'a=1"2 3"4', b'a="1 2', b'a=1" 2', b'a=""', b'a="', b'"', b'""', b'"" a=1', b'a=""d=3 b_c=1', b'a="1"2', b'a="1"2"',
          b'a==', b'a=b=c', b'=', b'==', b'=1', b'a =1', b'a= 1', b'b-c=1', b'b_c=1', b'b-c', b'b--c=1', b'B_C=1', b'a-=1',
          b'--', b'-- a=1', b'a=1 --', b'a=1 -- d=2', b'a=1 --  d=2 ', b'--=1 a=1', b'-- -- d=2', b'"--" a=1', b'--a a=1', b'---', b'a=1 --\td=2',
          b'x', b'x=1', b'x-y=1', b'"x y"=1 a=2', b'x= a', b'quoting.a=1', b'a.b=1', b'a,d=1', b'x=y x=y',
          b"a='1 2'", b'a=1,2,3', b'a=\\"', b'a=%s%n', b'x=%s%p', b'x%p=1',
          b'a=' + b'z' * 3000, b'a=' + b'z' * 70000, b'n' * 3000 + b'=1', b'a=1 ' * 9 + b'x ' * 2000 + b'd=2'):
    load(s)
