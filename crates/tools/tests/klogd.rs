//! `klogd`, inside instances as root and as an ordinary user, and on the host.

mod common;

use common::{Folder, LKM, Said, copy_lkm, run};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Functions of the scripts: waits until a file has a line.
const HEAD: &str = r#"
seen() { for i in $(seq 400); do grep -q "$1" "$2" 2>/dev/null && return; sleep 0.05; done; echo "never: $1"; exit 9; }
cd "$1"
"#;

fn debian_6_1() -> String {
    abi::newest("6.1", &abi::Options::default()).expect("this test needs Debian's kernel 6.1 in /boot")
}

/// `lkm sh` with a script that gets the folder's path.
fn script(lkm: &Path, folder: &Path, text: &str) -> Command {
    let mut command = Command::new(lkm);
    let text = format!("{HEAD}{text}");
    command.args(["sh", "--kernel", &debian_6_1(), "--", "sh", "-c", &text, "sh"]).arg(folder);
    command.env_remove("XDG_RUNTIME_DIR");
    command
}

fn inside(folder: &Folder, text: &str) -> Said {
    run(&mut script(Path::new(LKM), &folder.0, text))
}

/// A line's text without the time.
fn texts(log: &str) -> Vec<&str> {
    log.lines()
        .map(|line| line.split_once("] ").filter(|_| line.starts_with('<')).map_or(line, |(_, text)| text))
        .collect()
}

/// A module that prints is logged to a file, which is renamed, then removed, meanwhile.
const ROTATION: &str = r#"
exec 7>held; flock 7; klogd -xf log 7>&7 || exit 1; exec 7>&-
flock -n held true || exit 5
klogd -f other && exit 2
for name in crc16 crc7; do insmod /lib/modules/$(uname -r)/kernel/lib/$name.ko || exit 3; done
echo '<4>two: warned' >/dev/kmsg
seen warned log
mv log log.1
echo '<6>three' >/dev/kmsg
seen three log
rm log
echo '<6>four' >/dev/kmsg
seen four log
kill -HUP $(cat /run/lkm/klogd.pid); seen 'state change' log
kill -TSTP $(cat /run/lkm/klogd.pid); seen stopped log
echo '<6>five' >/dev/kmsg
kill -CONT $(cat /run/lkm/klogd.pid); seen five log
echo '<6>six' >/dev/kmsg
kill -TERM $(cat /run/lkm/klogd.pid); seen terminating log
for i in $(seq 100); do [ -e /run/lkm/klogd.pid ] || break; sleep 0.05; done
[ -e /run/lkm/klogd.pid ] && exit 4
cat log.1 log
"#;

fn check_rotation(said: &Said) {
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.err.contains("klogd: Already running."), "{said:?}");
    let change = "klogd 1.5.0, ---------- state change ----------";
    let start = "klogd 1.5.0, log source = /proc/kmsg started.";
    let own = |text: &&str| !text.contains("crc");
    let lines: Vec<&str> = texts(&said.out).into_iter().filter(own).collect();
    let want = [
        start,
        "two: warned",
        "four",
        change,
        change,
        "Kernel logging (proc) stopped.",
        change,
        start,
        "five",
        "six",
        "Kernel logging (proc) stopped.",
        "Kernel log daemon terminating.",
    ];
    assert_eq!(lines, want, "{said:?}");
    assert!(said.out.contains("<12>["), "the priority stays: {said:?}");
}

#[test]
fn a_file_is_followed_through_rotation() {
    let folder = Folder::new("klogd-rotation");
    check_rotation(&inside(&folder, ROTATION));
}

#[test]
fn an_ordinary_user_can_do_the_same() {
    if !rustix::process::getuid().is_root() {
        // Then the test above was that already.
        return;
    }
    let folder = Folder::new("klogd-user");
    let lkm = folder.0.join("lkm");
    copy_lkm(&lkm);
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    let inner = script(&lkm, &folder.0, ROTATION);
    command.arg(inner.get_program()).args(inner.get_args()).env_remove("XDG_RUNTIME_DIR");
    command.env("HOME", &folder.0).env("XDG_CACHE_HOME", folder.0.join("cache"));
    check_rotation(&run(&mut command));
}

#[test]
fn one_shot_reads_what_is_there_and_sets_the_console_level() {
    let folder = Folder::new("klogd-once");
    let said = inside(
        &folder,
        "echo '<4>early' >/dev/kmsg; klogd -xo -c 3 -f -; echo $?; cut -f1 /proc/sys/kernel/printk
         echo '<6>later' >/dev/kmsg; klogd -xos -f -; klogd -xo -f file; wc -l <file
         klogd --printk=printk='4 4 1 7'; klogd --printk=kernel.printk; klogd --printk | grep -c ^kernel.printk
         klogd -c 9; echo $?; klogd --printk=hostname; echo $?; klogd -v; klogd -i; echo $?",
    );
    let text = texts(&said.out).join("\n");
    let stopped = |kind: &str| format!("Kernel logging ({kind}) stopped.\nKernel log daemon terminating.");
    let start = |source: &str| format!("klogd 1.5.0, log source = {source} started.");
    let want = format!(
        "{}\nearly\n{}\n0\n3\n{}\nlater\n{}\n3\n{printk}\n{printk}\n5\n1\n1\nklogd 1.5.0\n1",
        start("/proc/kmsg"),
        stopped("proc"),
        start("ksyslog"),
        stopped("ksyslog"),
        printk = "kernel.printk = 4\\t4\\t1\\t7",
    );
    assert_eq!(text, want, "{said:?}");
    assert!(said.err.contains("klogd: Invalid console logging level <9> specified.\n"), "{said:?}");
    assert!(said.err.contains("no klogd runs"), "{said:?}");
}

#[test]
fn addresses_get_the_names_of_symbols() {
    let folder = Folder::new("klogd-symbols");
    let said = inside(
        &folder,
        r#"insmod /lib/modules/$(uname -r)/kernel/lib/crc16.ko
        address=$(awk '$3 == "crc16" && $4 == "[crc16]" { print $1 }' /proc/kallsyms)
        kernel=$(awk '$3 == "snprintf" { print $1 }' /proc/kallsyms)
        report() { echo "<4>at [<$address>] [<$kernel>] [<1>]" >/dev/kmsg; }
        report; klogd -o -f twice -2; report; klogd -o -x -f raw
        rmmod crc16; klogd -p -f paranoid; seen 'No module' paranoid
        insmod /lib/modules/$(uname -r)/kernel/lib/crc16.ko
        address=$(awk '$3 == "crc16" && $4 == "[crc16]" { print $1 }' /proc/kallsyms)
        report; seen 'at' paranoid; echo '<1>Oops: 0000' >/dev/kmsg; report; seen '\[crc16:crc16+0x0/0x' paranoid
        rmmod crc16; klogd -i; seen 'state change' paranoid
        for file in twice raw paranoid; do echo == $file; cat $file; done"#,
    );
    assert_eq!(said.status, 0, "{said:?}");
    let parts: Vec<Vec<&str>> = said.out.split("== ").skip(1).map(texts).collect();
    let lines = |index: usize| -> Vec<&str> {
        parts[index].iter().copied().filter(|line| line.starts_with("at ") || line.contains("module")).collect()
    };
    let twice = lines(0);
    assert!(twice[0].starts_with("Loaded ") && twice[0].ends_with(" from 1 module."), "{twice:?}");
    assert!(twice[1].starts_with("at [crc16:crc16+0x0/0x") && twice[1].contains("[snprintf+0x0/0x"), "{twice:?}");
    assert!(twice[1].ends_with("] [<1>]"), "{twice:?}");
    assert!(twice[2].starts_with("at [<ffffffff") || twice[2].starts_with("at [<0"), "{twice:?}");
    assert_eq!((lines(1).len(), twice.len()), (1, 3), "{said:?}");
    assert_eq!(lines(1)[0].matches("[<").count(), 3, "{said:?}");
    let paranoid = lines(2);
    assert_eq!(paranoid[0], "No module symbols loaded.");
    assert!(!paranoid[1].contains("crc16") && paranoid[1].contains("snprintf"), "{paranoid:?}");
    assert!(paranoid[2].starts_with("Loaded "), "{paranoid:?}");
    assert!(paranoid[3].contains("crc16:crc16"), "{paranoid:?}");
}

/// What a syslog daemon is sent, up to the line about the end.
fn received(socket: &UnixDatagram) -> Vec<String> {
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).expect("klogd sends more within a minute");
        all.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        if all.last().unwrap().ends_with("terminating.") {
            return all;
        }
    }
}

/// `<priority>Mmm dd hh:mm:ss kernel: text` without the date and the kernel's time.
fn without_times(message: &str) -> String {
    let (priority, rest) = message.split_once('>').unwrap();
    let (date, text) = rest.split_at(16);
    assert!(date.ends_with(' ') && date.as_bytes()[9] == b':', "{message}");
    let text = text.strip_prefix("kernel: ").unwrap_or_else(|| panic!("{message}"));
    let text = text.split_once("] ").filter(|_| text.starts_with('[')).map_or(text, |(_, text)| text);
    format!("{priority}>{text}")
}

#[test]
fn syslog_gets_messages_with_priorities() {
    let folder = Folder::new("klogd-syslog");
    let socket = UnixDatagram::bind(folder.0.join("log")).unwrap();
    let said =
        inside(&folder, "echo '<3>bad' >/dev/kmsg; echo '<30>daemon' >/dev/kmsg; klogd -xo --log-socket \"$1/log\"");
    assert_eq!((said.status, said.out.as_str()), (0, ""), "{said:?}");
    let got: Vec<String> = received(&socket).iter().map(|message| without_times(message)).collect();
    let want = [
        "<6>klogd 1.5.0, log source = /proc/kmsg started.",
        "<11>bad",
        "<30>daemon",
        "<6>Kernel logging (proc) stopped.",
        "<6>Kernel log daemon terminating.",
    ];
    assert_eq!(got, want);
}

#[test]
fn nothing_is_lost_while_nobody_serves_syslog() {
    let folder = Folder::new("klogd-late");
    let refused = inside(&folder, "echo '<3>first' >/dev/kmsg; klogd -xo --log-socket \"$1/log\"");
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.err.contains("cure: start a syslog daemon"), "{refused:?}");
    let text = "klogd -x --log-socket \"$1/log\"; echo '<3>first' >/dev/kmsg; touch up
                for i in $(seq 400); do [ -e served ] && break; sleep 0.05; done
                echo '<3>second' >/dev/kmsg; sleep 0.5; kill $(cat /run/lkm/klogd.pid)
                for i in $(seq 400); do [ -e /run/lkm/klogd.pid ] || exit 0; sleep 0.05; done; exit 1";
    let mut child = script(Path::new(LKM), &folder.0, text).stdin(Stdio::null()).spawn().unwrap();
    while !folder.0.join("up").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the script ended early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let socket = UnixDatagram::bind(folder.0.join("log")).unwrap();
    folder.file("served", "");
    let got: Vec<String> = received(&socket).iter().map(|message| without_times(message)).collect();
    assert!(child.wait().unwrap().success());
    assert_eq!(got[1..3], ["<11>first", "<11>second"], "{got:?}");
}

#[test]
fn the_host_s_log_is_read_or_the_refusal_explained() {
    let folder = Folder::new("klogd-host");
    let said = run(Command::new(LKM)
        .args(["klogd", "-xo", "-f", "-", "--pid-file"])
        .arg(folder.0.join("pid"))
        .current_dir(&folder.0));
    match said.status {
        0 => {
            assert!(said.out.contains(" started.\n"), "{said:?}");
            assert!(said.out.ends_with("Kernel log daemon terminating.\n"), "{said:?}");
        }
        status => {
            assert_eq!(status, 1, "{said:?}");
            assert!(said.err.contains("klogd cannot read the kernel") && said.err.contains("cure:"), "{said:?}");
        }
    }
    assert!(!folder.0.join("pid").exists() || said.status != 0, "the file with the process id is gone");
}
