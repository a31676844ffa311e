import errno, os
P = '/sys/module/types/parameters/p_'
def put(p, v):
    f = os.open(P + p, os.O_RDWR)
    try:
        r = os.write(f, v)
    except OSError as e:
        r = errno.errorcode[e.errno]
    print(p, v, r, os.pread(f, 100, 0))
    os.close(f)
V = ('0 1 -1 +1 +-1 -0 007 08 0x 0xg 0x1f 0X1F 0b1 1_000 1.5 127 128 255 256 32767 32768 -32768 -32769 65535 65536 2147483647 2147483648 -2147483648 '
     '-2147483649 4294967294 4294967295 4294967296 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 '
     '18446744073709551615 18446744073709551616 0xfffffffffffffff 10').split()
for t in 'byte short ushort int uint long ulong ullong hexint range'.split():
    for v in V:
        put(t, v.encode())
for v in (b' 3', b'3 ', b'\t3', b'', b' ', b'3,4', b'3=4', b'"3"', b'-', b'+', b'3\n', b'4\n\n', b'\n', b'5\n6', b'6\0', b'7\0\n', b'8\r\n', b'\xff', b'0' * 30 + b'9', b'0' * 4095):
    put('int', v)
for t in 'bool invbool enable bint'.split():
    for v in 'n y 0 1 N Y no yes nope yup of off on ON Off OFF oN o ox t T f F true false 01 10 -1 2'.split() + ['', ' y', 'y ', 'y\n', '\n']:
        put(t, v.encode())
