//! The distribution's own kmod and util-linux, and programs that make the system calls themselves, inside an instance: they
//! see what lkm's tools see. As root, and as an ordinary user.

mod common;
#[allow(dead_code, reason = "this file uses its part")]
#[path = "endurance/modules.rs"]
mod modules;

use common::{Folder, LKM, Said, copy_lkm, run};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// The modules, and lkm where every user can run it.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    modules::build(&folder.0);
    copy_lkm(&folder.0.join("lkm"));
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Runs a script inside, in the folder; as root also as uid 65534, which must say the same.
fn inside(folder: &Folder, script: &str) -> Said {
    let said = |command: &mut Command, cache: &str| {
        command.args(["sh", "--kernel", &modules::release(), "--loglevel", "1", "--", "sh", "-c", script]);
        command.current_dir(&folder.0).env("XDG_CACHE_HOME", folder.0.join(cache)).env("LANG", "C.UTF-8");
        run(command)
    };
    let lkm = folder.0.join("lkm");
    let own = said(&mut Command::new(&lkm), "own");
    if rustix::process::geteuid().is_root() {
        let mut nobody = Command::new("setpriv");
        nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&lkm);
        assert_eq!(said(&mut nobody, "nobody"), own, "{script} as uid 65534 and as root");
    }
    own
}

/// What insmod, rmmod, lsmod, modinfo and dmesg do with the two modules; `$T` stands before each.
const SCRIPT: &str = r#"
exec 2>&1
clock() { sed 's,: /[^ ]*/,: ,; s/\[ *[0-9.]*\]/[T]/; s/^[A-Z][a-z]* [A-Z][a-z]* [0-9 ]* [0-9:]* [0-9]*/DATE/'; }
$T/dmesg -C
$T/insmod user.ko; echo "status $?"
$T/insmod base.ko; echo "status $?"
$T/insmod user.ko slow=1 unknown=2; echo "status $?"
$T/insmod user.ko; echo "status $?"
$T/insmod base.ko slow; echo "status $?"
$T/lsmod
$T/rmmod lkm_st_base; echo "status $?"
$T/rmmod -v lkm-st-0000 lkm_st_base; echo "status $?"
$T/rmmod lkm_st_0000; echo "status $?"
$T/lsmod
$T/modinfo -F name user.ko; $T/modinfo -p user.ko; $T/modinfo -F depends user.ko
$T/insmod user.ko slow=x; echo "status $?"
$T/dmesg | clock
$T/dmesg -x -l warn,err | clock
echo '<3>from a program' >/dev/kmsg
$T/dmesg -r | tail -n 1 | clock
$T/dmesg -J | grep -c '"pri"'
$T/dmesg -S | tail -n 1 | clock
$T/dmesg -n 5; cat /proc/sys/kernel/printk
$T/dmesg -D; cat /proc/sys/kernel/printk; $T/dmesg -E; cat /proc/sys/kernel/printk
$T/dmesg -c >/dev/null; $T/dmesg
uname -r
"#;

#[test]
fn the_distributions_tools_say_what_ours_say() {
    let folder = folder("distribution");
    let theirs = "$(for d in /usr/sbin /sbin /usr/bin /bin; do [ -x $d/TOOL ] && echo $d/ && break; done)";
    let theirs = ["insmod", "rmmod", "lsmod", "modinfo", "dmesg"].iter().fold(SCRIPT.to_owned(), |script, tool| {
        script.replace(&format!("$T/{tool}"), &format!("{}{tool}", theirs.replace("TOOL", tool)))
    });
    let (theirs, ours) = (inside(&folder, &theirs), inside(&folder, &SCRIPT.replace("$T/", "")));
    assert_eq!(ours, theirs);
    for part in [
        "lkm_st_base            12288  1 lkm_st_0000\n",
        "ERROR: Module lkm_st_base is in use by: lkm_st_0000\n",
        "lkm_st_0000: Unknown symbol lkm_st_enter (err -2)",
        "\n5\\t4\\t1\\t7\n1\\t4\\t1\\t7\n",
    ] {
        assert!(theirs.out.contains(part), "{part}: {}", theirs.out);
    }
}

#[test]
fn modprobe_finds_the_modules_of_the_instances_release() {
    let script = "exec 2>&1; PATH=/usr/sbin:/sbin:/usr/bin:/bin; modprobe -v lz4; lsmod; modprobe -r -v lz4; lsmod; \
        modprobe no_such_module; echo $?; modinfo -F description lz4";
    let said = inside(&folder("modprobe"), script);
    let tree = format!("/lib/modules/{}", modules::release());
    let expected = format!(
        "insmod {tree}/kernel/lib/lz4/lz4_compress.ko \ninsmod {tree}/kernel/crypto/lz4.ko \n\
         Module                  Size  Used by\nlz4                    SIZE  0\nlz4_compress           SIZE  1 lz4\n\
         rmmod lz4\nrmmod lz4_compress\nModule                  Size  Used by\n\
         modprobe: FATAL: Module no_such_module not found in directory {tree}\n1\nLZ4 Compression Algorithm\n"
    );
    let sizes = said.out.replace("12288", "SIZE").replace("16384", "SIZE").replace("20480", "SIZE");
    assert_eq!((sizes.as_str(), said.status), (expected.as_str(), 0), "{said:?}");
}

const PYTHON: &str = r#"
import ctypes, os, errno
libc = ctypes.CDLL(None, use_errno=True)
def show(name, result):
    print(name, result if result >= 0 else errno.errorcode[ctypes.get_errno()])
def u(name): return open('/sys/module/lkm_st_base/' + name).read().strip()
base, user = open('base.ko', 'rb').read(), open('user.ko', 'rb').read()
long = ctypes.c_long
show('init_module', libc.init_module(base, long(len(base)), b''))
show('again, raw', libc.syscall(175, base, long(len(base)), b''))
show('short', libc.syscall(175, base, long(10), b''))
fd = os.open('user.ko', os.O_RDONLY)
show('finit_module', libc.syscall(313, fd, b'slow=1', 0))
print('position', os.lseek(fd, 0, 1), u('refcnt'), os.listdir('/sys/module/lkm_st_base/holders'), u('parameters/entered'))
show('flags', libc.syscall(313, fd, b'', 64))
show('no file', libc.syscall(313, 77, b'', 0))
show('bad pointer', libc.syscall(313, fd, ctypes.c_void_p(8), 0))
show('in use', libc.delete_module(b'lkm_st_base', os.O_NONBLOCK))
show('delete_module', libc.syscall(176, b'lkm_st_0000', os.O_NONBLOCK))
show('delete_module', libc.delete_module(b'lkm_st_base', os.O_NONBLOCK))
show('gone', libc.delete_module(b'lkm_st_base', os.O_NONBLOCK))
print(os.path.exists('/sys/module/lkm_st_base'), open('/proc/modules').read())
b = ctypes.create_string_buffer(1 << 16)
n = libc.klogctl(3, b, 1 << 16); print('log', b'lkm_st_base' in b.raw[:n])
show('clear', libc.syscall(103, 5, None, 0)); show('empty', libc.klogctl(3, b, 1 << 16))
show('size', libc.syscall(103, 10, None, 0)); show('console', libc.klogctl(8, None, 5)); show('bad', libc.klogctl(8, None, 9))
n = ctypes.create_string_buffer(390)
show('uname', libc.uname(n)); show('raw', libc.syscall(63, n)); print(n.raw[130:195].rstrip(b'\0').decode(), os.uname().release)
show('bad', libc.syscall(63, ctypes.c_void_p(8)))
"#;

#[test]
fn a_program_makes_the_system_calls_itself() {
    let folder = folder("python");
    folder.file("calls.py", PYTHON);
    let said = inside(&folder, "python3 calls.py 2>&1");
    let expected = format!(
        "init_module 0\nagain, raw EEXIST\nshort ENOEXEC\nfinit_module 0\nposition 0 1 [\\'lkm_st_0000\\'] 1\nflags EINVAL\n\
         no file EBADF\nbad pointer EEXIST\nin use EAGAIN\ndelete_module 0\ndelete_module 0\ngone ENOENT\nFalse \nlog True\n\
         clear 0\nempty 0\nsize 131072\nconsole 0\nbad EINVAL\nuname 0\nraw 0\n{0} {0}\nbad EFAULT\n",
        modules::release()
    );
    assert_eq!((said.out.as_str(), said.status), (expected.as_str(), 0), "{said:?}");
}

#[test]
fn a_32_bit_program_is_not_told_of_the_hosts_modules() {
    let folder = Folder::new("of-32-bits");
    let source = folder.file(
        "calls.c",
        "#include <stdio.h>\n#include <stdlib.h>\n\
         static long call(long number)\n{\n\tlong result;\n\
         \t__asm__ volatile(\"int $0x80\" : \"=a\"(result) : \"a\"(number), \"b\"(0), \"c\"(0), \"d\"(0) : \"memory\");\n\
         \treturn result;\n}\n\
         int main(int argc, char **argv)\n{\n\tfor (int i = 1; i < argc; i++)\n\
         \t\tprintf(\"%s: %ld\\n\", argv[i], call(atol(argv[i])));\n\treturn 0;\n}\n",
    );
    let program = folder.0.join("calls");
    let made = run(Command::new("gcc").arg("-O1").arg("-o").arg(&program).arg(&source));
    assert_eq!(made.status, 0, "{}", made.err);
    // getuid, which is not caught; a kernel without 32-bit programs kills this one.
    if run(Command::new(&program).arg("24")).status != 0 {
        return;
    }
    let words = ["24", "103", "128", "129", "350"];
    let said = run(Command::new(LKM).args(["sh", "--"]).arg(&program).args(words));
    assert_eq!(said.out, "24: 0\n103: -38\n128: -38\n129: -38\n350: -38\n", "{}", said.err);
}
