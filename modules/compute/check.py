#!/usr/bin/env python3
"""Checks the recorded expectations of the compute cases with independent implementations.

check.py [expect file ...]: default the expect files beside this script. The data is
made again by the generator of stream.h, digests by hashlib, checksums and the LZ4
decoder by the definitions below. Exit status 1 and a line per difference if any."""
import hashlib, pathlib, re, sys

M32 = 0xFFFFFFFF


def stream(n, seed):
    """What stream_fill() of stream.h gives."""
    state = seed

    def step():
        nonlocal state
        state ^= state << 13 & M32
        state ^= state >> 17
        state ^= state << 5 & M32
        return state

    out = bytearray()
    while len(out) < n:
        r = step()
        back = (r >> 8) % 200 + 8 if len(out) > 256 else 0
        for _ in range(min((r & 31) + 4, n - len(out))):
            out.append(out[-back] if r & 0x80 and back else step() >> 24)
    return bytes(out)


def fnv1a(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def crc_reflected(data, crc, poly):
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (poly if crc & 1 else 0)
    return crc


def crc_forward(data, crc, poly, bits):
    """Most significant bit first; the register has `bits` bits."""
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    for b in data:
        crc ^= b << (bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ (poly if crc & top else 0)) & mask
    return crc


def lz4_block(src):
    """Decodes an LZ4 block by the format's description."""
    out, i = bytearray(), 0

    def length(n):
        nonlocal i
        if n == 15:
            while True:
                n += src[i]
                i += 1
                if src[i - 1] != 255:
                    break
        return n

    while i < len(src):
        token = src[i]
        i += 1
        n = length(token >> 4)
        out += src[i : i + n]
        i += n
        if i >= len(src):
            return bytes(out)
        offset = src[i] | src[i + 1] << 8
        i += 2
        if not 0 < offset <= len(out):
            raise ValueError("offset outside of the output")
        for _ in range(length(token & 15) + 4):
            out.append(out[-offset])
    return bytes(out)


def check_hash(text, seed, name_to_hash):
    data = stream(300000, seed)
    want = {"0": b"", "abc": b"abc", "1000": data[:1000], "300000": data}
    lines = re.findall(r"^cm: (sha[\d-]+) (\w+) is ([0-9a-f]+)$", text, re.M)
    yield "data", f"data 300000 fnv {fnv1a(data)}" in text
    yield "number of digests", len(lines) == 4 * len(name_to_hash)
    for name, what, got in lines:
        yield f"{name} of {what}", name_to_hash[name](want[what]).hexdigest() == got


def check_sha3(text):
    names = {f"sha3-{n}": getattr(hashlib, f"sha3_{n}") for n in (224, 256, 384, 512)}
    yield from check_hash(text, 3, names)


def check_sha512(text):
    yield from check_hash(text, 4, {"sha384": hashlib.sha384, "sha512": hashlib.sha512})
    yield "digest of nothing", "cm: empty " + hashlib.sha512(b"").hexdigest() in text


def check_crc(text):
    data = stream(65536, 1)
    yield "data", f"data 65536 fnv {fnv1a(data)}" in text
    digits = b"123456789"
    itu = lambda d, start: crc_forward(d, start, 0x1021, 16)
    yield "digits", f"crc16 check {crc_reflected(digits, 0, 0xA001):04x} itu {itu(digits, 0xFFFF):04x}" in text
    for n in (0, 1, 9, 1000, 65536):
        d = data[:n]
        # crc7 is kept in the upper seven bits of a byte
        line = (f"cm: {n}: crc16 {crc_reflected(d, 0x1234, 0xA001):04x} itu {itu(d, 0):04x} "
                f"crc7 {crc_forward(d, 0, 0x12, 8):02x} crc8 {crc_forward(d, 0, 0x07, 8):02x}\n")
        yield f"checksums of {n}", line in text
    yield "in parts", f"in parts {crc_reflected(data, 0, 0xA001):04x}\n" in text


def check_lz4(text):
    small = re.split(r"^cm: small ", text, flags=re.M)[1:]
    yield "number of small ones", len(small) == 2
    for part in small:
        seed, packed, back, same = re.match(r"(\d+): (\d+) back (\d+) same (\d)", part).groups()
        data = stream(120, int(seed))
        data = data[:60] + b"z" * 40 + data[100:]
        code = bytes.fromhex("".join(re.findall(r"^cm: packed ([0-9a-f]+)$", part, re.M)))
        yield f"data {seed}", f"cm: data {data[:60].hex()}\n" in part
        yield f"size of {seed}", len(code) == int(packed) and (back, same) == ("120", "1")
        yield f"decoded {seed}", lz4_block(code) == data
    data = stream(1 << 20, 2)
    yield "data", f"cm: in 1048576 fnv {fnv1a(data)} " in text
    yield "data back", f"cm: back 1048576 fnv {fnv1a(data)} same 1\n" in text
    size = int(re.search(r"^cm: packed (\d+) fnv", text, re.M)[1])
    yield "size", 1 << 19 < size < 1 << 20
    fast = int(re.search(r"^cm: fast (\d+)$", text, re.M)[1])
    yield "fast", size <= fast < 1 << 20 and "cm: fast back 1048576 same 1\n" in text
    for s in ("no room to pack 0", "cut input refused", "no room to unpack refused"):
        yield s, f"cm: {s}\n" in text


def main():
    here = pathlib.Path(__file__).parent
    files = [pathlib.Path(a) for a in sys.argv[1:]] or sorted(here.glob("*/expect*"))
    bad = 0
    for f in files:
        results = list(globals()["check_" + f.parent.name](f.read_text()))
        for what, ok in results:
            if not ok:
                bad += 1
                print(f"{f}: wrong: {what}")
        print(f"{f.parent.name}/{f.name}: {sum(ok for _, ok in results)} of {len(results)} right")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
