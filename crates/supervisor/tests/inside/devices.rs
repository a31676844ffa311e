//! Devices of the instance: nodes that look and behave like the kernel's.

use crate::{Test, boot, output, scratch};

pub const TESTS: &[Test] = &[
    ("a_device_looks_like_one", a_device_looks_like_one),
    ("an_open_device_has_a_position", an_open_device_has_a_position),
    ("an_open_device_is_no_regular_file", an_open_device_is_no_regular_file),
    ("an_ioctl_reaches_the_callers_memory", an_ioctl_reaches_the_callers_memory),
    ("readers_and_writers_do_not_wait_for_each_other", readers_and_writers_do_not_wait_for_each_other),
    ("names_in_dev_are_made_and_removed", names_in_dev_are_made_and_removed),
    ("devices_are_opened_from_everywhere", devices_are_opened_from_everywhere),
    ("other_files_are_what_they_were", other_files_are_what_they_were),
];

fn expect(script: &str, expected: &str) {
    let instance = boot();
    assert_eq!(output(&instance, script), expected, "{script}");
    instance.shutdown().unwrap();
}

fn python(script: &str, expected: &str) {
    let file = scratch("devices.py");
    let start = "import os, sys, stat, errno, ctypes, fcntl\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        def attempt(f, *a):\n  try: return f(*a)\n  except OSError as e: return errno.errorcode[e.errno]\n";
    std::fs::write(&file, format!("{start}{script}")).unwrap();
    expect(&format!("python3 {}", file.display()), expected);
    std::fs::remove_file(file).unwrap();
}

fn a_device_looks_like_one() {
    expect(
        "stat -c '%F %a %t:%T %s' /dev/echo0; stat -L -c %F /dev/echo0; test -c /dev/echo0 && ls -l /dev/echo0 | cut -c1; \
         find /dev -maxdepth 1 -name 'echo*' -type c; test -f /dev/echo0 || echo no file",
        "character special file 644 f0:1e 0\ncharacter special file\nc\n/dev/echo0\nno file\n",
    );
    // One after the other, and both at once.
    expect(
        "echo a >/dev/echo0; stat -c %F /dev/echo0; head -n1 /dev/echo0; stat -c %F /dev/echo0; \
         for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5 6 7 8; do stat -c %F /dev/slate; echo \"$(head -c 1 /dev/slate)\"; done) & done | sort | uniq -c; wait",
        "character special file\na\ncharacter special file\n     64 .\n     64 character special file\n",
    );
}

fn an_open_device_has_a_position() {
    python(
        "f = os.open('/dev/slate', os.O_RDWR)\n\
         print(os.write(f, b'abcdefghij'), os.lseek(f, -4, 2), os.lseek(f, 2, 0), os.read(f, 3), os.lseek(f, 0, 1))\n\
         print(os.pread(f, 2, 8), os.pwrite(f, b'XY', 1), os.lseek(f, 0, 1), os.read(f, 2))\n\
         print(attempt(os.lseek, f, -1, 0), attempt(os.lseek, f, 65, 0), attempt(os.lseek, f, 0, 7), attempt(os.pread, f, 1, -1))\n\
         g = os.open('/dev/slate', os.O_RDONLY)\n\
         print(os.read(g, 4), os.lseek(f, 0, 1), os.lseek(os.dup(g), 0, 1))\n\
         print(libc.pread(g, ctypes.c_void_p(1), 4, 0), errno.errorcode[ctypes.get_errno()])\n\
         print(libc.pwrite(f, ctypes.c_void_p(1), 4, 0), errno.errorcode[ctypes.get_errno()])\n\
         print([call(f, ctypes.c_void_p(p), 4) for call in (libc.read, libc.write) for p in (0, 1)])\n\
         os.lseek(f, 64, 0); print(os.read(f, 9), attempt(os.write, f, b'x'), os.read(f, 0), os.write(f, b''))\n",
        "10 60 2 b'cde' 5\nb'ij' 2 5 b'fg'\nEINVAL EINVAL EINVAL EINVAL\nb'aXYd' 7 4\n-1 EFAULT\n-1 EFAULT\n[400, 410, 401, 411]\nb'' ENOSPC b'' 0\n",
    );
    expect(
        "dd if=/dev/slate bs=1 skip=60 2>/dev/null; echo; printf hello | dd of=/dev/slate bs=1 seek=2 conv=notrunc 2>/dev/null; head -c 8 /dev/slate; echo",
        "....\n..hello.\n",
    );
}

fn an_open_device_is_no_regular_file() {
    python(
        "f = os.open('/dev/slate', os.O_RDWR | os.O_TRUNC)\n\
         s, p = os.fstat(f), os.stat('/dev/slate')\n\
         print(stat.S_ISCHR(s.st_mode), oct(s.st_mode), os.major(s.st_rdev), os.minor(s.st_rdev), s.st_size)\n\
         print([n for n in ('st_mode', 'st_ino', 'st_dev', 'st_rdev', 'st_uid', 'st_nlink', 'st_mtime') if getattr(s, n) != getattr(p, n)])\n\
         print(attempt(os.ftruncate, f, 0), attempt(os.posix_fallocate, f, 0, 1), attempt(os.fsync, f))\n\
         import mmap\n\
         print(attempt(mmap.mmap, f, 10))\n\
         print(os.isatty(f), open('/dev/slate', 'rb', buffering=0).read(3))\n",
        "True 0o20644 240 31 0\n[]\nEINVAL ENODEV EINVAL\nENODEV\nFalse b'...'\n",
    );
    expect(
        "stat -L -c '%F %t:%T' - </dev/echo0; stat -c %F - </dev/slate",
        "character special file f0:1e\ncharacter special file\n",
    );
}

fn an_ioctl_reaches_the_callers_memory() {
    python(
        "f = os.open('/dev/slate', os.O_RDWR)\n\
         text = ctypes.create_string_buffer(b'hello world')\n\
         class Arg(ctypes.Structure): _fields_ = [('at', ctypes.c_void_p), ('len', ctypes.c_ulong)]\n\
         a = Arg(ctypes.addressof(text), 5)\n\
         print(libc.ioctl(f, 1, ctypes.byref(a)), text.value)\n\
         print(libc.ioctl(f, 0x1234, 41), fcntl.ioctl(f, 0x1234, 0))\n\
         n = ctypes.c_int(-1)\n\
         print(libc.ioctl(f, 0x541b, ctypes.byref(n)), n.value)\n\
         print(libc.ioctl(f, 0x541b, ctypes.c_void_p(8)), errno.errorcode[ctypes.get_errno()])\n\
         print(libc.ioctl(f, 1, ctypes.byref(Arg(8, 5))), errno.errorcode[ctypes.get_errno()])\n\
         print(libc.ioctl(f, 0x4242), errno.errorcode[ctypes.get_errno()])\n\
         print(libc.ioctl(f, 0xc0186b01, ctypes.byref(a)), errno.errorcode[ctypes.get_errno()])\n",
        "5 b'HELLO world'\n42 1\n0 5\n-1 EFAULT\n-1 EFAULT\n-1 ENOTTY\n-1 ENOTTY\n",
    );
}

fn readers_and_writers_do_not_wait_for_each_other() {
    python(
        "import threading, time\n\
         f = os.open('/dev/echo0', os.O_RDWR)\n\
         got = []\n\
         t = threading.Thread(target=lambda: got.append(os.read(f, 9))); t.start()\n\
         time.sleep(0.2)\n\
         print(list(got), os.write(f, b'same fd')); t.join(); print(got, flush=True)\n\
         pid = os.fork()\n\
         if pid == 0: os.write(1, os.read(f, 9) + b'\\n'); os._exit(0)\n\
         time.sleep(0.2); os.write(f, b'parent'); os.waitpid(pid, 0)\n",
        "[] 7\n[b'same fd']\nparent\n",
    );
}

fn names_in_dev_are_made_and_removed() {
    expect(
        "umask 022; mknod /dev/made c 240 500 && stat -c '%F %t:%T' /dev/made; mknod /dev/made c 240 500; \
         cd /dev; mknod ../dev/more c 240 501; ls -l /dev/more | cut -c1; ln -s made link; readlink link; test -c link && echo leads; \
         mkdir dir; test -d dir && echo dir; mv more moved; ls more moved; rm made moved link; rmdir dir; ls -d made moved link dir; \
         mknod /dev/fifo p; mknod /tmp/lkm-no-node c 1 3; rm /dev/null; :",
        "character special file f0:1f4\nmknod: /dev/made: File exists\nc\nmade\nleads\ndir\n\
         ls: cannot access 'more': No such file or directory\nmoved\n\
         ls: cannot access 'made': No such file or directory\nls: cannot access 'moved': No such file or directory\n\
         ls: cannot access 'link': No such file or directory\nls: cannot access 'dir': No such file or directory\n\
         mknod: /dev/fifo: Operation not permitted\nmknod: /tmp/lkm-no-node: Operation not permitted\n\
         rm: cannot remove '/dev/null': Device or resource busy\n",
    );
}

fn devices_are_opened_from_everywhere() {
    python(
        "d = os.open('/dev', os.O_RDONLY)\n\
         print(os.read(os.open('slate', os.O_RDONLY, dir_fd=d), 2))\n\
         os.symlink('/dev/slate', '/run/lkm-link'); print(os.read(os.open('/run/lkm-link', os.O_RDONLY), 2))\n\
         p = os.open('/dev/slate', os.O_PATH); print(stat.S_ISCHR(os.fstat(p).st_mode), attempt(os.read, p, 1))\n\
         how = (ctypes.c_ulong * 3)(os.O_RDWR, 0, 0)\n\
         print(os.read(libc.syscall(437, -100, b'/dev/slate', how, 24), 2))\n\
         f = os.open('/dev/slate', os.O_RDWR); print(os.read(os.open(f'/proc/self/fd/{f}', os.O_RDONLY), 2))\n\
         print(attempt(os.open, '/dev/slate', os.O_RDONLY | os.O_DIRECTORY), attempt(os.open, '/dev/slate', os.O_CREAT | os.O_EXCL))\n\
         print(attempt(os.open, '/dev/slate/x', os.O_RDONLY), attempt(os.readlink, '/dev/slate'), attempt(os.truncate, '/dev/slate', 0))\n\
         files = [os.open('/dev/slate', os.O_RDONLY) for _ in range(900)]\n\
         print(len({os.read(f, 3) for f in files}))\n",
        "b'..'\nb'..'\nTrue EBADF\nb'..'\nb'..'\nENOTDIR EEXIST\nENOTDIR EINVAL EINVAL\n1\n",
    );
}

/// With a device open, so that caught calls are looked at.
fn other_files_are_what_they_were() {
    python(
        "f = os.open('/dev/slate', os.O_RDWR)\n\
         name = '/run/lkm-regular'; g = os.open(name, os.O_RDWR | os.O_CREAT)\n\
         print(os.write(g, b'0123456789'), os.lseek(g, -3, 2), os.read(g, 2), os.pread(g, 2, 1), os.pwrite(g, b'x', 0), os.fstat(g).st_size)\n\
         os.ftruncate(g, 4); print(os.stat(name).st_size, stat.S_ISREG(os.fstat(g).st_mode), os.read(g, 0), os.write(g, b''))\n\
         n = ctypes.c_int(); os.lseek(g, 1, 0); print(libc.ioctl(g, 0x541b, ctypes.byref(n)), n.value)\n\
         r, w = os.pipe(); os.write(w, b'abc'); print(libc.ioctl(r, 0x541b, ctypes.byref(n)), n.value, attempt(os.lseek, r, 0, 0))\n\
         print(attempt(os.lseek, 99, 0, 0), attempt(os.fstat, 99), os.fstat(os.open('/proc/modules', 0)).st_size)\n",
        "10 7 b'78' b'12' 1 10\n4 True b'' 0\n0 3\n0 3 ESPIPE\nEBADF EBADF 0\n",
    );
}
