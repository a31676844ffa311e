//! Linux 2.4's module system: raw system calls, modutils' tools, and `lkm run --personality 2.4`.
//!
//! There is no 2.4 kernel to record from: each expectation names the manual page or the file of Linux 2.4 or modutils 2.4 that it
//! comes from.

mod common;

use common::{Dice, Folder, LKM, Said, copy_lkm, run};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/personality24");

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What a file of expectations says, without the sources.
fn expected(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split("  # ").next().unwrap()).collect()
}

fn sh(words: &[&str]) -> Command {
    let mut command = Command::new(LKM);
    command.args(["sh", "--personality", "2.4", "--"]).args(words);
    command
}

/// Compiles modules of the examples, or other sources, into a folder, with the headers alone.
fn compile(folder: &Folder, sources: &[(&str, &str)]) {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/compat24");
    for (name, text) in sources {
        let source = folder.file(&format!("{name}.c"), text);
        let flags = "-c -O2 -Wall -Werror -nostdinc -D__KERNEL__ -DMODULE -fno-strict-aliasing -fno-common -mcmodel=kernel \
                     -mno-red-zone -fno-asynchronous-unwind-tables -mno-sse -mno-mmx -fno-pic -fno-stack-protector \
                     -fcf-protection=none";
        let mut gcc = Command::new("gcc");
        gcc.args(flags.split_whitespace()).arg("-I").arg(include).arg(&source);
        let said = run(gcc.arg("-o").arg(folder.0.join(format!("{name}.o"))));
        assert_eq!(said.status, 0, "{said:?}");
    }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/2.4").join(format!("{name}.c"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A folder that every user can use, with a copy of the program.
fn for_nobody(name: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(name);
    let program = folder.0.join("lkm");
    copy_lkm(&program);
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    (folder, program)
}

/// The same words as an ordinary user; `None` where this is one already.
fn as_nobody(folder: &Folder, program: &Path, words: &[&str]) -> Option<Said> {
    if !is_root() {
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program).args(words);
    for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME"] {
        command.env(variable, &folder.0);
    }
    Some(run(command.current_dir(&folder.0)))
}

/// Without the escapes that stand for quotes and tabs.
fn plain(text: &str) -> String {
    text.replace("\\'", "'").replace("\\t", "\t")
}

fn compare(said: &Said, want: &[&str]) {
    let out = plain(&said.out);
    let got: Vec<&str> = out.lines().collect();
    assert_eq!(said.status, 0, "{said:?}");
    for (number, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got, want, "line {} of what calls.py prints", number + 1);
    }
    assert_eq!(got.len(), want.len(), "{:?}", got.last());
}

#[test]
fn raw_calls_give_what_they_gave_on_2_4() {
    let script = format!("{HERE}/calls.py");
    let all = expected(include_str!("personality24/calls.txt"));
    // Only root has other users inside.
    let plain: Vec<&str> = all.iter().copied().take_while(|line| !line.starts_with("finit_module")).collect();
    if is_root() {
        compare(&run(&mut sh(&["python3", &script, "as-root"])), &all);
    } else {
        compare(&run(&mut sh(&["python3", &script])), &plain);
    }
    let (folder, program) = for_nobody("p24-calls");
    std::fs::copy(&script, folder.0.join("calls.py")).unwrap();
    let words = ["sh", "--personality", "2.4", "--", "python3", "calls.py"];
    if let Some(said) = as_nobody(&folder, &program, &words) {
        compare(&said, &plain);
    }
}

// syscalls(2): create_module, get_kernel_syms and query_module are gone since 2.6.
#[test]
fn without_the_personality_the_calls_are_not_there() {
    let script = "import ctypes\nl = ctypes.CDLL(None, use_errno=True)\n\
                  for n in 174, 177, 178: print(l.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno())\n\
                  print(open('/proc/sys/kernel/osrelease').read().startswith('2.4'))\n";
    let said = run(Command::new(LKM).args(["sh", "--", "python3", "-c", script]));
    assert_eq!((said.status, said.out.as_str()), (0, "-1 38\n-1 38\n-1 38\nFalse\n"), "{said:?}");
}

/// Addresses, times and folders are different each time, and so are sizes: a module keeps the name of its file.
fn normal(text: &str, folder: &Folder) -> String {
    let text = text.replace(&folder.0.display().to_string(), "DIR");
    let word = |word: &str| match word {
        w if w.len() == 16 && w.starts_with("00000000") && w.bytes().all(|c| c.is_ascii_hexdigit()) => "ADDRESS".into(),
        w if w.len() == 5 || w.len() == 4 => w.parse::<u16>().map_or(w.to_owned(), |_| "SIZE".into()),
        w => match w.split_once("_M") {
            Some((name, rest)) if w.starts_with("__insmod_") => {
                format!("{name}_MTIME{}", rest.get(16..).unwrap_or_default())
            }
            _ => w.to_owned(),
        },
    };
    let line = |line: &str| {
        let line = line.split_once("] ").filter(|(time, _)| time.starts_with('[')).map_or(line, |(_, rest)| rest);
        line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn modutils_tools_say_what_they_said() {
    let folder = Folder::new("p24-tools");
    let own = [
        ("nolicense", "#include <linux/module.h>\nint init_module(void) { return 0; }\n"),
        (
            "lost",
            "#include <linux/module.h>\nextern int nowhere(void);\nMODULE_LICENSE(\"GPL\");\nint init_module(void) { return nowhere(); }\n",
        ),
        ("refuses", "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nint init_module(void) { return -19; }\n"),
        (
            "old",
            "#include <linux/version.h>\n#undef UTS_RELEASE\n#define UTS_RELEASE \"2.4.18\"\n#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nEXPORT_NO_SYMBOLS;\nint init_module(void) { return 0; }\n",
        ),
    ];
    let names = ["hello", "counter", "user", "params"];
    let texts: Vec<(&str, String)> = names.iter().map(|name| (*name, example(name))).collect();
    let sources: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).chain(own).collect();
    compile(&folder, &sources);
    let script = include_str!("personality24/tools.sh");
    // Both streams in one, in the order of the lines.
    let text = format!("exec 2>&1\n{script}");
    let said = run(sh(&["sh", "-c", &text]).current_dir(&folder.0));
    let got = normal(&plain(&said.out), &folder);
    let want: String = include_str!("personality24/tools.txt")
        .lines()
        .filter(|l| !l.starts_with("# "))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(got, want);
}

#[test]
fn run_builds_loads_and_reports() {
    let folder = Folder::new("p24-run");
    let run24 = |name: &str, text: &str, words: &[&str]| {
        let file = folder.file(&format!("{name}.c"), text);
        run(Command::new(LKM).args(["run", "--personality", "2.4"]).arg(file).args(words))
    };
    let said = run24("params", &example("params"), &["irq=5", "name=x y"]);
    assert_eq!((said.status, said.out.as_str()), (0, ""), "{said:?}");
    assert!(said.err.contains("params: irq 5 ports 1 2 3 4 level 1 big -1 name x y label none"), "{said:?}");
    assert!(said.err.contains("lkm: params left nothing behind"), "{said:?}");

    let said = run24("hello", &example("hello"), &["--", "sh", "-c", "uname -r; cat /proc/modules"]);
    assert!(said.out.starts_with("2.4.37-lkm\nhello "), "{said:?}");

    let leak = "#include <linux/module.h>\n#include <linux/slab.h>\nMODULE_LICENSE(\"GPL\");\nvoid *kept;\n\
                int init_module(void) { kept = kmalloc(100, GFP_KERNEL); return 0; }\nvoid cleanup_module(void) { }\n";
    let said = run24("leak", leak, &[]);
    assert_eq!(said.status, 120, "{said:?}");
    assert!(said.err.contains("kmalloc memory, 100 bytes of leak") && said.err.contains("init_module"), "{said:?}");

    let bad =
        "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\nint init_module(void) { return *(volatile int *)8; }\n";
    let said = run24("bad", bad, &[]);
    assert_eq!(said.status, 121, "{said:?}");
    assert!(
        said.err.contains("BUG: kernel NULL pointer dereference") && said.err.contains("init_module+0x"),
        "{said:?}"
    );

    let said = run24("wrong", "#include <linux/module.h>\nint x = nonsense;\n", &[]);
    assert_eq!(said.status, 122, "{said:?}");
    let said = run24("hello", &example("hello"), &["nope=1"]);
    assert_eq!(said.status, 121, "{said:?}");
    assert!(said.err.contains("invalid parameter parm_nope"), "{said:?}");
}

/// `kernel/module.c` and `kernel/kmod.c` of Linux 2.4: data by name, and modules on request.
#[test]
fn modules_find_each_others_data_by_name() {
    let folder = Folder::new("p24-offers");
    let head = "#include <linux/module.h>\n#include <linux/kernel.h>\n#include <linux/kmod.h>\nMODULE_LICENSE(\"GPL\");\n\
                EXPORT_NO_SYMBOLS;\n";
    let offers = format!(
        "{head}static int data = 42;\n\
         int init_module(void) {{ inter_module_register(\"answer\", THIS_MODULE, &data); return 0; }}\n\
         void cleanup_module(void) {{ inter_module_unregister(\"answer\"); }}\n"
    );
    let asks = format!(
        "{head}int init_module(void) {{ const int *p = inter_module_get(\"answer\"); printk(\"asks: at first %d\\n\", p ? *p : 0);\n\
         p = inter_module_get_request(\"answer\", \"offers\"); printk(\"asks: then %d\\n\", p ? *p : 0);\n\
         printk(\"asks: no module %d\\n\", request_module(\"nothing\")); return 0; }}\n\
         void cleanup_module(void) {{ inter_module_put(\"answer\"); }}\n"
    );
    let wrong = format!("{head}int init_module(void) {{ inter_module_put(\"nothing\"); return 0; }}\n");
    compile(&folder, &[("offers", &offers), ("asks", &asks), ("wrong", &wrong)]);
    let modprobe = "#!/bin/sh\necho \"$*\" >>called\n[ \"$4\" = offers ] && insmod ./offers.o\n";
    let helper = folder.file("helper", modprobe);
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = "exec 2>&1; cd DIR; sed -i \"s,^echo,cd DIR; PATH=$PATH; echo,\" helper; echo DIR/helper >/proc/sys/kernel/modprobe; insmod ./asks.o; \
                  cat called; lsmod | tail -n 2 | sed 's/  *[0-9]*  */ /'; rmmod offers; rmmod asks; rmmod offers && echo gone; \
                  echo DIR/missing >/proc/sys/kernel/modprobe; insmod ./asks.o; rmmod asks; insmod ./wrong.o; dmesg | cut -c16- | grep -E '^(asks|inter|kmod)'";
    let script = script.replace("DIR", &folder.0.display().to_string());
    let said = run(sh(&["sh", "-c", &script]).current_dir(&folder.0));
    let out = plain(&said.out).replace(&folder.0.display().to_string(), "DIR");
    let want = "-s -k -- offers\n-s -k -- nothing\noffers 1 \nasks 0  (unused)\n\
                offers: Device or resource busy\ngone\nKilled\nKilled\n\
                asks: at first 0\nasks: then 42\nasks: no module 0\n\
                asks: at first 0\nkmod: failed to exec DIR/missing -s -k offers, errno = 2\nasks: then 0\n\
                kmod: failed to exec DIR/missing -s -k nothing, errno = 2\nasks: no module 0\n\
                inter_module_put: no entry for 'answer'\ninter_module_put: no entry for 'nothing'\n";
    assert_eq!(out, want, "{said:?}");
}

/// Code is not writable, and variables cannot be executed, where insmod says which is which.
#[test]
fn text_is_protected() {
    let folder = Folder::new("p24-wx");
    let text = "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n\
                int init_module(void) { *(volatile char *)init_module = 0; return 0; }\n";
    let file = folder.file("wx.c", text);
    let said = run(Command::new(LKM).args(["run", "--personality", "2.4"]).arg(file));
    assert_eq!(said.status, 121, "{said:?}");
    assert!(said.err.contains("supervisor write access"), "{said:?}");
}

/// Damaged objects are refused or linked; insmod never fails in a way of its own, nor does the kernel.
#[test]
fn damaged_objects_have_an_answer() {
    let folder = Folder::new("p24-damaged");
    compile(&folder, &[("counter", &example("counter")), ("params", &example("params"))]);
    let mut dice = Dice(24);
    for name in ["counter", "params"] {
        let good = std::fs::read(folder.0.join(format!("{name}.o"))).unwrap();
        for number in 0..60 {
            let mut bytes = good.clone();
            for _ in 0..=dice.below(3) {
                let at = dice.below(bytes.len());
                bytes[at] = [0, 1, 0x7f, 0xff, u8::try_from(dice.below(256)).unwrap()][dice.below(5)];
            }
            if dice.below(10) == 0 {
                bytes.truncate(dice.below(bytes.len()));
            }
            folder.file(&format!("bad-{name}-{number}.o"), bytes);
        }
    }
    // Linked only: what damaged code does when it runs is its own affair.
    let script = "for f in bad-*.o; do insmod -n -m -f $f irq=1 >/dev/null 2>err; rc=$?; \
                  case $rc in 0|1) ;; *) echo $f $rc; cat err;; esac; done; insmod ./counter.o && lsmod | wc -l";
    let said = run(sh(&["sh", "-c", script]).current_dir(&folder.0));
    assert_eq!((said.status, said.out.as_str()), (0, "2\n"), "{said:?}");
}

/// genksyms' CRC of a declaration: that of its words, each with a blank behind it (scripts/genksyms/genksyms.c).
fn genksyms(words: &str) -> u32 {
    !words.bytes().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn exports_of_a_module_that_lkm_compiles_carry_their_versions() {
    let folder = Folder::new("own-versions");
    let source = folder.file("counter.c", example("counter"));
    let said =
        run(Command::new(LKM).args(["run", "--personality", "2.4"]).arg(&source).args(["--", "cat", "/proc/ksyms"]));
    assert_eq!(said.status, 0, "{}", said.err);
    for (name, words) in
        [("counter_next", "int counter_next ( void ) "), ("counter_reset", "void counter_reset ( void ) ")]
    {
        let wanted = format!("{name}_R{:08x}\\t[counter]", genksyms(words));
        assert!(
            said.out.contains(&wanted),
            "{wanted}: {}",
            said.out.lines().filter(|l| l.contains("counter")).collect::<String>()
        );
    }
}
