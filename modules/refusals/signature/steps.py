MARKER = b'~Module signature appended~\n'


def trailer(length, algo=0, hash=0, kind=2, signer=0, key=0, pad=b'\0\0\0'):
    return bytes([algo, hash, kind, signer, key]) + pad + struct.pack('>I', length)


def signed(message, head=None, contents=None, marker=MARKER):
    return (contents or read('si.ko')) + message + (head or trailer(len(message))) + marker


def tlv(tag, *parts):
    contents = b''.join(parts)
    return bytes([tag, 0x82]) + struct.pack('>H', len(contents)) + contents


OID = lambda text: tlv(6, bytes.fromhex(text))
SHA256 = tlv(0x30, OID('608648016503040201'), tlv(5))
RSA = tlv(0x30, OID('2a864886f70d010101'), tlv(5))


def pkcs7(digest=SHA256, signature=b'S' * 256, name=b'Nobody'):
    """A message by a signer that no key ring has, as scripts/sign-file makes it."""
    issuer = tlv(0x30, tlv(0x31, tlv(0x30, OID('550403'), tlv(0x0c, name))))
    info = tlv(0x30, tlv(2, b'\1'), tlv(0x30, issuer, tlv(2, b'\x12\x34')), digest, RSA, tlv(4, signature))
    data = tlv(0x30, tlv(2, b'\1'), tlv(0x31, digest), tlv(0x30, OID('2a864886f70d010701')), tlv(0x31, info))
    return tlv(0x30, OID('2a864886f70d010702'), tlv(0xa0, data))


def own(what, data, **kw):
    load(what, data, unload='si', **kw)
    print('  tainted', text('/proc/sys/kernel/tainted'))


MODULE = 'crc-itu-t.ko' if os.path.exists('crc-itu-t.ko') else 'crc7.ko'
NAME = MODULE[:-3].replace('-', '_')


def distribution(what, data, **kw):
    result = call(INIT, bytes(data), len(data), b'')
    say(what.replace(NAME, 'NAME'), result)
    if result == 0:
        print('  taint', repr(text(f'/sys/module/{NAME}/taint')), 'tainted', text('/proc/sys/kernel/tainted'))
        delete(NAME)


def log():
    for level, line in taken():
        print(f'  <{level}> {line.replace(NAME, "NAME")}')


head('of the distribution')
KO = read(MODULE)
length = struct.unpack('>I', KO[-len(MARKER) - 4:-len(MARKER)])[0]
contents, message = KO[:-len(MARKER) - 12 - length], KO[-len(MARKER) - 12 - length:-len(MARKER) - 12]
distribution('as it is', KO)
distribution('one byte of the contents differs', KO[:70] + bytes([KO[70] ^ 1]) + KO[71:])
last = len(contents) + len(message) - 1
distribution('last byte of the signature differs', KO[:last] + bytes([KO[last] ^ 1]) + KO[last + 1:])
distribution('as it is, once more', KO)
distribution('signature of another module', signed(message, contents=read('si.ko')))
distribution('without signature', contents)
distribution('without marker', KO[:-len(MARKER)])
distribution('half a marker', KO[:-1])
distribution('with a byte behind it', KO + b'\n')
head('trailer')
own('marker alone', MARKER)
own('marker and 12 bytes', trailer(0) + MARKER)
own('marker and 13 bytes', b'x' + trailer(0) + MARKER)
own('only a marker behind the module', read('si.ko') + MARKER)
own('no message', signed(b''))
own('message longer than the file', signed(b'x', trailer(1 << 30)))
own('message as long as the file', signed(b'x', trailer(len(read('si.ko')) + 1)))
own('message one byte shorter than the file', signed(b'x', trailer(len(read('si.ko')))))
own('type PGP', signed(b'x', trailer(1, kind=0)))
own('type X509', signed(b'x', trailer(1, kind=1)))
own('type 77', signed(b'x', trailer(1, kind=77)))
for field in ('algo', 'hash', 'signer', 'key'):
    own(f'{field} not 0', signed(b'x', trailer(1, **{field: 1})))
own('padding not 0', signed(b'x', trailer(1, pad=b'\0\0\1')))
head('message')
own('one byte', signed(b'x'))
own('of nobody', signed(pkcs7()))
own('of nobody, cut', signed(pkcs7()[:-10]))
own('of nobody, a byte more', signed(pkcs7() + b'x'))
own('unknown hash', signed(pkcs7(tlv(0x30, OID('2a0304'), tlv(5)))))
own('empty signature', signed(pkcs7(signature=b'')))
own('no PKCS#7', signed(tlv(0x30, OID('2a864886f70d010701'), tlv(0xa0, tlv(4, b'x')))))
own('two signatures', signed(pkcs7(), contents=signed(pkcs7())))
head('by force')
load_file('damaged, versions ignored', signed(b'x'), flags=1, unload='si')
load_file('damaged, magic ignored', signed(b'x'), flags=2, unload='si')
load_file('damaged', signed(b'x'), unload='si')
