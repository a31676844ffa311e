import hashlib

MARKER = b'~Module signature appended~\n'
MODULE = 'crc-itu-t.ko' if os.path.exists('crc-itu-t.ko') else 'crc7.ko'
NAME = MODULE[:-3].replace('-', '_')


def tlv(tag, *parts):
    contents = b''.join(parts)
    length = len(contents)
    if length < 128:
        return bytes([tag, length]) + contents
    return bytes([tag, 0x82]) + struct.pack('>H', length) + contents


def values(data):
    """The values of a sequence, each with its head."""
    found = []
    while data:
        size, head = data[1], 2
        if size >= 0x80:
            head += size & 0x7f
            size = int.from_bytes(data[2:head], 'big')
        found.append((data[0], data[head:head + size], data[:head + size]))
        data = data[head + size:]
    return found


OID = lambda text: tlv(6, bytes.fromhex(text))
NULL = tlv(5)
SHA256 = tlv(0x30, OID('608648016503040201'), NULL)
RSA = tlv(0x30, OID('2a864886f70d010101'), NULL)
SHA256_RSA = tlv(0x30, OID('2a864886f70d01010b'), NULL)
SHA224_RSA = tlv(0x30, OID('2a864886f70d01010e'), NULL)
SHA512_RSA = tlv(0x30, OID('2a864886f70d01010d'), NULL)
UNKNOWN = tlv(0x30, OID('2a0304'), NULL)


class Key:
    """An RSA key of 2048 bits: of the primes 2^1024 - a and 2^1024 - b."""

    def __init__(self, a, b):
        p, q = 2 ** 1024 - a, 2 ** 1024 - b
        self.n, self.d = p * q, pow(65537, -1, (p - 1) * (q - 1))

    def public(self):
        return tlv(0x30, tlv(2, b'\0' + self.n.to_bytes(256, 'big')), tlv(2, b'\1\0\1'))

    def raw(self, block):
        return pow(int.from_bytes(block, 'big'), self.d, self.n).to_bytes(256, 'big')

    def sign(self, data, kind=SHA256, hash=hashlib.sha256):
        digest = tlv(0x30, kind, tlv(4, hash(data).digest()))
        return self.raw(b'\0\1' + b'\xff' * (253 - len(digest)) + b'\0' + digest)


A, B, C = Key(105, 179), Key(1397, 3177), Key(5025, 5409)


def name(text):
    return tlv(0x30, tlv(0x31, tlv(0x30, OID('550403'), tlv(0x0c, text.encode()))))


def certificate(subject, key, issuer, by, serial=b'\x11', skid=None, akid=b'', algorithm=SHA256_RSA, outer=None,
                key_kind=RSA, year=b'20', signature=None, public=None):
    """A certificate; akid is what stands in its authority key identifier."""
    issuer = name(issuer) if isinstance(issuer, str) else issuer
    extensions = []
    if skid:
        extensions.append(tlv(0x30, OID('551d0e'), tlv(4, tlv(4, skid))))
    if akid:
        extensions.append(tlv(0x30, OID('551d23'), tlv(4, tlv(0x30, akid))))
    times = tlv(0x30, tlv(0x17, year + b'0101000000Z'), tlv(0x17, b'491231235959Z'))
    public = tlv(0x30, key_kind, tlv(3, b'\0' + key.public())) if public is None else public
    body = tlv(0x30, tlv(0xa0, tlv(2, b'\2')), tlv(2, serial), algorithm, issuer, times, name(subject), public,
               tlv(0xa3, tlv(0x30, *extensions)) if extensions else b'')
    signature = by.sign(body) if signature is None else signature
    return tlv(0x30, body, outer or algorithm, tlv(3, b'\0' + signature))


def by_key(skid):
    return tlv(0x80, skid)


def by_serial(issuer, serial):
    issuer = name(issuer) if isinstance(issuer, str) else issuer
    return tlv(0xa1, tlv(0xa4, issuer)) + tlv(0x82, serial)


def signer(signature, issuer='A', serial=b'\x11', key_id=None, digest=SHA256):
    """Who signed: by the issuer and the serial number of a certificate, or by a key's identifier."""
    if key_id:
        return tlv(0x30, tlv(2, b'\3'), tlv(0x80, key_id), digest, RSA, tlv(4, signature))
    issuer = name(issuer) if isinstance(issuer, str) else issuer
    return tlv(0x30, tlv(2, b'\1'), tlv(0x30, issuer, tlv(2, serial)), digest, RSA, tlv(4, signature))


def message(signers, certificates, version=b'\1'):
    data = tlv(0x30, tlv(2, version), tlv(0x31, SHA256), tlv(0x30, OID('2a864886f70d010701')),
               tlv(0xa0, *certificates) if certificates else b'', tlv(0x31, *signers))
    return tlv(0x30, OID('2a864886f70d010702'), tlv(0xa0, data))


KO = read('ch.ko')
GOOD = A.sign(KO)
OTHER = A.sign(KO + b'x')


def own(what, certificates, signers=None, **kw):
    """ch.ko, signed by A unless told otherwise."""
    data = message(signers or [signer(GOOD)], certificates, **kw)
    load(what, KO + data + struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, len(data)) + MARKER, unload='ch')


def log():
    for level, line in taken():
        print(f'  <{level}> {line.replace(NAME, "NAME")}')


SELF_A = certificate('A', A, 'A', A, skid=b'aaaa')
head('certificate of the signer')
own('not there', [])
own('signs itself', [SELF_A])
own('signs itself, contents changed', [SELF_A], [signer(OTHER)])
own('not there, contents changed', [], [signer(OTHER)])
own('of another name, contents changed', [certificate('A', A, 'A', A, serial=b'\x12')], [signer(OTHER)])
own('signature without padding', [SELF_A], [signer(A.raw(b'\0' + b'S' * 255))])
own('signature of zeros', [SELF_A], [signer(bytes(256))])
own('signature with damaged padding', [SELF_A], [signer(A.raw(b'\0\1' + b'\xff' * 100 + b'\xfe' + b'\0' * 153))])
own('signature larger than the modulus', [SELF_A], [signer(b'\xff' * 256)])
own('signature too short', [SELF_A], [signer(GOOD[:-1])])
own('signature empty', [SELF_A], [signer(b'')])
own('signature with a zero before', [SELF_A], [signer(b'\0' + GOOD)])
own('named by its key', [SELF_A], [signer(OTHER, key_id=b'aaaa')], version=b'\3')
own('twice', [SELF_A, SELF_A])
SHA224 = tlv(0x30, OID('608648016503040204'), NULL)
SHA3 = tlv(0x30, OID('608648016503040208'), NULL)
head('other hashes')
own('SHA-224', [SELF_A], [signer(A.sign(KO, SHA224, hashlib.sha224), digest=SHA224)])
own('SHA-224, contents changed', [SELF_A], [signer(A.sign(KO + b'x', SHA224, hashlib.sha224), digest=SHA224)])
own('SHA-224, says SHA-256', [SELF_A], [signer(A.sign(KO, SHA224, hashlib.sha224))])
own('SHA3-256', [SELF_A], [signer(A.sign(KO, SHA3, hashlib.sha3_256), digest=SHA3)])
own('SHA3-256, contents changed', [SELF_A], [signer(A.sign(KO + b'x', SHA3, hashlib.sha3_256), digest=SHA3)])
head('its own signature')
own('of other contents', [certificate('A', A, 'A', A, signature=OTHER)])
own('without padding', [certificate('A', A, 'A', A, signature=A.raw(b'\0' + b'S' * 255))])
own('of another key', [certificate('A', A, 'A', B)])
own('too short', [certificate('A', A, 'A', A, signature=GOOD[:-1])])
own('of another key, names its key', [certificate('A', A, 'A', B, skid=b'aaaa', akid=by_key(b'aaaa'))])
own('of another key, names another key', [certificate('A', A, 'A', B, skid=b'aaaa', akid=by_key(b'bbbb'))])
own('names its key and another number',
    [certificate('A', A, 'A', A, skid=b'aaaa', akid=by_key(b'aaaa') + by_serial('A', b'\x77'))])
own('of one that nobody asks for', [SELF_A, certificate('B', B, 'B', C)])
own('of one that nobody asks for and that does not sign itself', [SELF_A, certificate('B', B, 'C', B)])
head('chain')
LEAF = dict(serial=b'\x11', skid=b'aaaa', akid=by_key(b'bbbb'))
CA = certificate('B', B, 'B', B, serial=b'\x21', skid=b'bbbb')
B_SIGNER = [signer(GOOD, issuer='B')]
own('to one that signs itself', [certificate('A', A, 'B', B, **LEAF), CA], B_SIGNER)
own('the other way round', [CA, certificate('A', A, 'B', B, **LEAF)], B_SIGNER)
own('broken', [certificate('A', A, 'B', C, **LEAF), CA], B_SIGNER)
own('broken, without padding', [certificate('A', A, 'B', B, signature=b'S' * 256, **LEAF), CA], B_SIGNER)
own('broken, names nobody', [certificate('A', A, 'B', C, skid=b'aaaa'), CA], B_SIGNER)
own('broken, issuer is not there', [certificate('A', A, 'B', C, **LEAF)], B_SIGNER)
own('broken at its end', [certificate('A', A, 'B', B, **LEAF), certificate('B', B, 'C', A, skid=b'bbbb', akid=by_key(b'cc')),
                          certificate('C', C, 'C', C, skid=b'cc')], B_SIGNER)
own('of three', [certificate('A', A, 'B', B, **LEAF), certificate('B', B, 'C', C, skid=b'bbbb', akid=by_key(b'cc')),
                 certificate('C', C, 'C', C, skid=b'cc')], B_SIGNER)
own('by number', [certificate('A', A, 'B', B, akid=by_serial('B', b'\x21')), CA], B_SIGNER)
own('by number, broken', [certificate('A', A, 'B', C, akid=by_serial('B', b'\x21')), CA], B_SIGNER)
own('by another number, broken', [certificate('A', A, 'B', C, akid=by_serial('B', b'\x22')), CA], B_SIGNER)
own('by number and key', [certificate('A', A, 'B', B, akid=by_key(b'bbbb') + by_serial('B', b'\x21')), CA], B_SIGNER)
own('by number and another key', [certificate('A', A, 'B', B, akid=by_key(b'cccc') + by_serial('B', b'\x21')), CA], B_SIGNER)
own('by another number and the key, broken',
    [certificate('A', A, 'B', C, akid=by_key(b'bbbb') + by_serial('B', b'\x22')), CA], B_SIGNER)
own('in a circle', [certificate('A', A, 'B', B, **LEAF), certificate('B', B, 'A', A, skid=b'bbbb', akid=by_key(b'aaaa'))],
    B_SIGNER)
own('in a circle, broken',
    [certificate('A', A, 'B', B, **LEAF), certificate('B', B, 'A', C, skid=b'bbbb', akid=by_key(b'aaaa'))], B_SIGNER)
own('of another algorithm', [certificate('A', A, 'B', B, algorithm=SHA224_RSA, **LEAF), CA], B_SIGNER)
head('damaged certificates')
own('no certificate', [tlv(0x30, b'')])
own('no sequence', [tlv(4, b'x')])
own('cut', [tlv(0x30, SELF_A[4:-300])])
own('a byte more', [tlv(0x30, SELF_A[4:] + b'\5\0')])
own('unknown algorithm', [certificate('A', A, 'A', A, algorithm=UNKNOWN)])
own('two algorithms', [certificate('A', A, 'A', A, outer=SHA512_RSA)])
own('two algorithms, one unknown', [certificate('A', A, 'A', A, outer=UNKNOWN)])
own('unknown kind of key', [certificate('A', A, 'A', A, key_kind=UNKNOWN)])
own('unknown kind of key, not of the signer', [SELF_A, certificate('B', B, 'B', B, key_kind=UNKNOWN)])
own('key is none', [certificate('A', A, 'A', A, public=tlv(0x30, RSA, tlv(3, b'\0x')))])
own('key is none, does not sign itself', [certificate('A', A, 'B', B, public=tlv(0x30, RSA, tlv(3, b'\0x')))], B_SIGNER)
own('key with odd bits', [certificate('A', A, 'A', A, public=tlv(0x30, RSA, tlv(3, b'\1' + A.public())))])
own('year with letters', [certificate('A', A, 'A', A, year=b'xx')])
own('year 1969', [certificate('A', A, 'A', A, year=b'69')])
own('identifier of its key too long', [certificate('A', A, 'A', A, skid=b'x' * 200)])
own('identifier of the issuer damaged', [certificate('A', A, 'B', B, akid=b'\x80\x7f')], B_SIGNER)
own('elliptic curve that nobody knows',
    [certificate('B', B, 'A', A, public=tlv(0x30, tlv(0x30, OID('2a8648ce3d0201'), OID('2a0304')), tlv(3, b'\0\4xy')))])
own('elliptic curve without a name',
    [certificate('B', B, 'A', A, public=tlv(0x30, tlv(0x30, OID('2a8648ce3d0201'), NULL), tlv(3, b'\0\4xy')))])
head('one that is trusted')
TRUSTED = read('trusted.der')
parts = values(values(values(TRUSTED)[0][1])[0][1])
issuer, serial = next(full for tag, _, full in parts[2:] if tag == 0x30 and values(full)[0][1][:1] == b'\x31'), parts[1][1]
SKID = next(values(values(e)[-1][1])[0][1] for _, e, _ in values(values(parts[-1][1])[0][1])
            if values(e)[0][2] == OID('551d0e'))
FILE = read(MODULE)
length = struct.unpack('>I', FILE[-len(MARKER) - 4:-len(MARKER)])[0]
contents, signed = FILE[:-len(MARKER) - 12 - length], FILE[-len(MARKER) - 12 - length:-len(MARKER) - 12]
THEIRS = values(values(values(values(values(signed)[0][1])[1][1])[0][1])[-1][1])[0][2]


def distribution(what, certificates, signers=None):
    data = message(signers or [THEIRS], certificates)
    result = call(INIT, contents + data + struct.pack('>BBBBBxxxI', 0, 0, 2, 0, 0, len(data)) + MARKER,
                  len(contents) + len(data) + 12 + len(MARKER), b'')
    say(what, result)
    if result == 0:
        print('  taint', repr(text(f'/sys/module/{NAME}/taint')))
        delete(NAME)


LIKE = dict(serial=serial, skid=SKID)
distribution('as it is', [])
distribution('with its certificate', [TRUSTED])
distribution('with its certificate and others', [SELF_A, TRUSTED, CA])
distribution('with one of another key and the same name', [certificate('A', A, issuer, A, **LIKE)])
distribution('with a damaged one', [TRUSTED[:-1] + bytes([TRUSTED[-1] ^ 1])])
OURS = A.sign(contents)
distribution('signed by another key, same name', [certificate('A', A, issuer, A, **LIKE)], [signer(OURS, issuer, serial)])
distribution('signed by another key, same name, other key named', [certificate('A', A, issuer, A, serial=serial, skid=b'aaaa')],
             [signer(OURS, issuer, serial)])
distribution('signed by another key, without certificate', [], [signer(OURS, issuer, serial)])
distribution('signed by one that says that the trusted one issued it',
             [certificate('A', A, 'B', C, skid=b'aaaa', akid=by_key(SKID))], [signer(OURS, 'B')])
distribution('signed by one that says so by number',
             [certificate('A', A, 'B', C, akid=by_serial(issuer, serial))], [signer(OURS, 'B')])
distribution('signed by one that says so, another key',
             [certificate('A', A, 'B', C, akid=by_key(b'cccc') + by_serial(issuer, serial))], [signer(OURS, 'B')])
distribution('signed by one that says so, both',
             [certificate('A', A, 'B', C, akid=by_key(SKID) + by_serial(issuer, serial))], [signer(OURS, 'B')])
distribution('signed by another key, SHA-224', [], [signer(A.sign(contents, SHA224, hashlib.sha224), issuer, serial, digest=SHA224)])
distribution('signed by another key, SHA3-256', [], [signer(A.sign(contents, SHA3, hashlib.sha3_256), issuer, serial, digest=SHA3)])
head('two signers')
distribution('trusted and unknown', [], [THEIRS, signer(OURS)])
distribution('unknown and trusted', [SELF_A], [signer(OURS), THEIRS])
distribution('trusted and changed', [SELF_A], [THEIRS, signer(OTHER)])
distribution('changed and trusted', [SELF_A], [signer(OTHER), THEIRS])
distribution('both unknown', [SELF_A], [signer(OURS), signer(OURS)])
distribution('trusted twice', [TRUSTED], [THEIRS, THEIRS])
