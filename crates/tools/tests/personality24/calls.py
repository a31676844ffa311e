"""Makes 2.4's module system calls with bare numbers and hand-made images; prints what each gives.

The expected lines, each with its source, stand in calls.txt.
"""

import ctypes
import errno
import os
import struct
import subprocess
import sys

CREATE, INIT, DELETE, SYMS, QUERY, FINIT = 174, 175, 176, 177, 178, 313
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
HEAD, SIZE = 184, 0x1000
BAD = 0x10  # no memory there


def call(number, *args):
    ctypes.set_errno(0)
    wide = [ctypes.c_void_p(a) if isinstance(a, int) else a for a in args]
    value = libc.syscall(ctypes.c_long(number), *wide)
    return errno.errorcode[ctypes.get_errno()] if value == -1 else value


def show(what, value):
    print(f"{what}: {value}")


class Image:
    """A module `name` for the address `base`: header, name, and code at 0x200 (init) and 0x240 (cleanup)."""

    def __init__(self, name, base, size=SIZE, init=b"\x31\xc0\xc3", cleanup=b"\xc3"):
        self.base, self.bytes = base, bytearray(size)
        text = name.encode() + b"\0"
        self.bytes[HEAD:HEAD + len(text)] = text
        self.bytes[0x200:0x200 + len(init)] = init
        self.bytes[0x240:0x240 + len(cleanup)] = cleanup
        self.put(0, HEAD).put(16, base + HEAD).put(24, size).put(80, base + 0x200).put(88, base + 0x240)

    def put(self, offset, value):
        struct.pack_into("<Q", self.bytes, offset, value & (2**64 - 1))
        return self

    def exports(self, *symbols):
        """A table of symbols at 0x300, their names at 0x400."""
        text = 0x400
        for i, (name, value) in enumerate(symbols):
            self.put(0x300 + 16 * i, value).put(0x308 + 16 * i, self.base + text)
            self.bytes[text:text + len(name) + 1] = name.encode() + b"\0"
            text += len(name) + 1
        return self.put(48, len(symbols)).put(56, self.base + 0x300)

    def depends(self, *addresses):
        """A table of references at 0x500."""
        for i, address in enumerate(addresses):
            self.put(0x500 + 24 * i, address)
        symbols, = struct.unpack_from("<I", self.bytes, 48)
        return self.put(48, symbols | len(addresses) << 32).put(64, self.base + 0x500)

    def init(self, name):
        return call(INIT, name.encode(), bytes(self.bytes))


def create(name, size=SIZE):
    return call(CREATE, name.encode() if isinstance(name, str) else name, size)


def delete(name):
    return call(DELETE, name.encode() if name is not None else 0)


def query(name, which, size=1 << 20):
    buffer, ret = ctypes.create_string_buffer(max(size, 1)), ctypes.c_size_t(12345)
    result = call(QUERY, name.encode() if name is not None else 0, which, buffer, size, ctypes.byref(ret))
    return result, ret.value, buffer.raw[:size]


def names(name, which):
    result, count, buffer = query(name, which)
    return [n.decode() for n in buffer.split(b"\0")[:count]] if result == 0 else result


def info(name):
    result, size, buffer = query(name, 5)
    if result != 0:
        return result
    address, length, flags, uses = struct.unpack_from("<QQQq", buffer)
    return size, length, flags, uses


def loaded(name, **how):
    base = create(name)
    image = Image(name, base, **how)
    return image, image.init(name)


def kernel_log():
    text = subprocess.run(["dmesg"], capture_output=True, text=True).stdout
    return [line.split("] ", 1)[1] for line in text.splitlines() if "init_module: " in line or "modutils" in line]


def creating():
    base = create("first")
    show("create gives an address", isinstance(base, int) and base > 0 and base % 4096 == 0)
    show("create of a name that is there", create("first"))
    show("create of too few bytes", create("small", HEAD + len("small")))
    show("create of just enough bytes", isinstance(create("small", HEAD + len("small") + 1), int))
    show("create without a name", create(""))
    show("create with a bad name", call(CREATE, BAD, SIZE))
    show("create with a long name", create("x" * 4096, 3 * 4096))
    show("create of too many bytes", create("huge", 1 << 60))
    show("info of a created module", info("first"))
    show("delete of a created module", delete("first"))
    show("delete of no module", delete("first"))
    show("delete without a name", delete(""))
    show("delete with a bad name", call(DELETE, BAD))
    delete("small")


def refusing():
    show("init of no module", call(INIT, b"nobody", bytes(SIZE)))
    show("init with a bad name", call(INIT, BAD, bytes(SIZE)))
    base = create("m")
    show("init with a bad image", call(INIT, b"m", BAD))
    show("init with a NULL image", call(INIT, b"m", 0))
    for what, offset, value in [
        ("a small header", 0, 111),
        ("a large header", 0, 313),
        ("a large size", 24, SIZE + 1),
        ("a size of 0", 24, 0),
        ("a name elsewhere", 16, base - 1),
        ("a name in the header", 16, base + HEAD - 1),
        ("4 billion symbols", 48, 0xffffffff),
        ("4 billion references", 48, 0xffffffff << 32),
        ("init elsewhere", 80, base + SIZE + 1),
        ("init in the header", 80, base),
        ("cleanup elsewhere", 88, 0xffffffff81000000),
        ("exceptions elsewhere", 96, base),
        ("flags", 40, 1),
        ("can_unload elsewhere", 128, 8),
        ("kallsyms elsewhere", 152, 8),
        ("archdata elsewhere", 168, 8),
        ("kernel data", 176, 1),
    ]:
        show(f"init with {what}", Image("m", base).put(offset, value).init("m"))
    show("init with another name", Image("n", base).init("m"))
    show("init with symbols elsewhere", Image("m", base).put(48, 1).put(56, 0).init("m"))
    show("init with a symbol named elsewhere", Image("m", base).exports(("s", 1)).put(0x308, 5).init("m"))
    show("init that needs itself", Image("m", base).depends(base).init("m"))
    show("init that needs no module", Image("m", base).depends(base + 4096).init("m"))
    show("init that needs NULL", Image("m", base).depends(0).init("m"))
    show("init that fails", Image("m", base, init=b"\xb8\xed\xff\xff\xff\xc3").init("m"))
    show("init that gives 1", Image("m", base, init=b"\xb8\x01\x00\x00\x00\xc3").init("m"))
    show("info after that", info("m"))
    show("init that succeeds at last", Image("m", base).init("m"))
    show("init once more", Image("m", base).init("m"))
    show("delete", delete("m"))
    for line in kernel_log():
        print("log:", line)


def living():
    image, result = loaded("lib")
    show("init of lib", result)
    show("info of lib", info("lib"))
    delete("lib")
    base = create("lib")
    lib = Image("lib", base).exports(("lib_f", base + 0x200), ("lib_x_R12345678", 77))
    show("init of lib with symbols", lib.init("lib"))
    user = create("user")
    show("init of user", Image("user", user).depends(base).init("user"))
    show("all modules", names(None, 1))
    show("all modules, asked of one", names("lib", 1))
    show("deps of user", names("user", 2))
    show("refs of lib", names("lib", 3))
    show("deps of lib", names("lib", 2))
    show("info of used lib", info("lib"))
    result, count, buffer = query("lib", 4)
    rows = [struct.unpack_from("<QQ", buffer, 16 * i) for i in range(count)]
    text = [(buffer[at:].split(b"\0")[0].decode(), value - base if value > base else value) for value, at in rows]
    show("symbols of lib", (result, text, rows[0][1]))
    show("delete of used lib", delete("lib"))
    with open("/proc/modules") as file:
        print(file.read(), end="")
    with open("/proc/ksyms") as file:
        lines = [line for line in file if line.endswith("[lib]\n")]
    show("ksyms of lib", [line.rstrip().split(" ", 1)[1].replace("\t", " TAB ") for line in lines])
    show("symbols in ksyms where they are", [int(line[:16], 16) - base for line in lines[:1]])
    show("delete of user", delete("user"))
    show("delete of lib", delete("lib"))
    show("all modules at the end", names(None, 1))


def asking():
    show("query 0", query(None, 0)[0])
    show("query 0 of no module", query("nobody", 0)[0])
    show("query 6", query(None, 6)[0])
    show("query -1", query(None, -1)[0])
    for which in (2, 3, 5):
        show(f"query {which} of the kernel", query(None, which)[0])
    show("query without a name", query("", 1)[0])
    show("query with a bad name", call(QUERY, BAD, 1, ctypes.create_string_buffer(8), 8, ctypes.byref(ctypes.c_size_t())))
    loaded("one")
    loaded("two")
    show("modules in too small a buffer", query(None, 1, 7)[:2])
    show("modules in a buffer that fits", query(None, 1, 8)[:2])
    show("info in too small a buffer", query("one", 5, 31)[:2])
    show("query with a bad buffer", call(QUERY, 0, 1, BAD, 100, ctypes.byref(ctypes.c_size_t())))
    show("query with a bad result", call(QUERY, 0, 1, ctypes.create_string_buffer(100), 100, BAD))
    delete("one")
    delete("two")
    result, needed, _ = query(None, 4, 16)
    show("the kernel's symbols need more", (result, needed > 100000))
    result, count, buffer = query(None, 4, needed)
    at = [struct.unpack_from("<QQ", buffer, 16 * i)[1] for i in range(count)]
    known = {buffer[i:buffer.index(b"\0", i)].decode().split("_R")[0] for i in at}
    show("the kernel has", sorted(known & {"printk", "kmalloc", "kfree", "inter_module_get", "Using_Versions"}))


def old_table():
    base = create("tab")
    Image("tab", base).exports(("s" * 70, 1)).init("tab")
    count = call(SYMS, 0)
    table = ctypes.create_string_buffer(72 * count)
    show("get_kernel_syms fills what it counts", call(SYMS, table) == count)
    rows = [table.raw[i:i + 72] for i in range(0, 72 * 3, 72)]
    values = [struct.unpack_from("<Q", row)[0] for row in rows]
    text = [row[8:68].split(b"\0")[0].decode() for row in rows]
    show("its first rows", (text[0], values[0] == base, len(text[1]), values[1], text[2]))
    show("get_kernel_syms with a bad table", call(SYMS, BAD))
    delete("tab")


def cleaning():
    """Use counts: the flags word and the count are changed by code, as MOD_INC_USE_COUNT does."""
    # lock incl 32(%base); orq $24, 40(%base)
    def used(base):
        return (b"\xf0\xff\x04\x25" + struct.pack("<I", base + 32) + b"\x48\x83\x0c\x25" + struct.pack("<I", base + 40)
                + b"\x18\x31\xc0\xc3")

    base = create("busy")
    show("init that takes a use", Image("busy", base, init=used(base)).init("busy"))
    show("info of a used module", info("busy"))
    show("delete of a used module", delete("busy"))
    # can_unload at 0x280: returns the byte at 0x2f0, which is 1; init clears nothing.
    base = create("asks")
    image = Image("asks", base).put(128, base + 0x280)
    image.bytes[0x280:0x288] = b"\x0f\xb6\x04\x25" + struct.pack("<I", base + 0x2f0)
    image.bytes[0x288] = 0xc3
    image.bytes[0x2f0] = 1
    show("init with can_unload", image.init("asks"))
    show("info with can_unload", info("asks"))
    show("delete that can_unload refuses", delete("asks"))
    for name, flags in [("auto", 4), ("manual", 0)]:
        base = create(name)
        Image(name, base).put(40, flags).init(name)
    show("autoclean of what was never used", (delete(None), names(None, 1)))
    base = create("worn")
    # used once and not any more: orq $24 to the flags only
    once = b"\x48\x83\x0c\x25" + struct.pack("<I", base + 40) + b"\x18\x31\xc0\xc3"
    Image("worn", base, init=once).put(40, 4).init("worn")
    show("autoclean the first time", (delete(None), names(None, 1), info("worn")[2]))
    show("autoclean the second time", (delete(None), names(None, 1)))


def others():
    show("finit_module", call(FINIT, 0, b"", 0))
    show("release", os.uname().release)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setuid(1)
        show("create as another user", create("m"))
        show("init as another user", call(INIT, b"m", bytes(SIZE)))
        show("delete as another user", call(DELETE, b"m"))
        show("autoclean as another user", call(DELETE, 0))
        show("query as another user", query(None, 0)[0])
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)


parts = [creating, refusing, living, asking, old_table, cleaning]
for part in parts:
    part()
sys.stdout.flush()
if "as-root" in sys.argv:
    others()
