//! `dmesg` beside util-linux's: made logs, in both formats, with all options.

mod common;

use common::{Dice, Folder, Said, ours, run, same, theirs};
use std::path::Path;
use std::process::Command;

const LOG: &[u8] = b"<6>[    0.000000] Linux version 6.1\n<4>[    1.234567] acpi: warn msg\n<3>[   62.000001] usb 1-1: error \xc3\xa9 \x01 x\n\
<30>[  100.5] daemon says\nsecond line\nthird\n<0>[100.6] emerg\n<1>[100.7] alert: a\n<2>[100.8] crit: c\n\
<7>[100000.9] debug foo: segfault at 0\n<12>[100001.000000] \n<86>no time\n[ 5.0] nopri\n<6>[ 200000.123456] a:b c: d: e\n\
<4>[ 200000.123457] x:\ty\n<5>[ 200001.9] tab\there\x7f\xff\xe2\x82 \xc2\x85 \xf0\x9f\x98\x80\n<185>[1.0] local7\n<96>[2.0] twelve\n<>[3.0] e\n<6x>[4.0] x\n";

/// Options of the output that can stand alone or together.
const OPTIONS: &[&str] = &[
    "-x",
    "-t",
    "-d",
    "-e",
    "-T",
    "-p",
    "-H",
    "-P",
    "-u",
    "-k",
    "-Lalways",
    "-L=always",
    "-Lnever",
    "-L",
    "--noescape",
    "-lerr,warn",
    "-l3",
    "-fdaemon,user",
    "--level=info",
    "--facility=kern",
    "--time-format=iso",
    "--time-format=delta",
    "--time-format=ctime",
    "--time-format=reltime",
    "--time-format=notime",
    "--since=2020-01-01",
    "--until=2020-01-01",
    "--until=1 minute ago",
    "-s5000",
    "-S",
    "-w",
    "-W",
    "-c",
    "-r",
    "--decode",
    "--reltime",
];

/// Both may run across the second in which the boot time is rounded; then both are run again.
fn same_log(words: &[&str], folder: &Path) {
    let said = |mut command: Command| run(command.args(words).current_dir(folder).env("LANG", "C.UTF-8"));
    let mut pair: Option<(Said, Said)> = None;
    for _ in 0..3 {
        let (got, want) = (said(ours("dmesg")), said(theirs("dmesg")));
        if got == want {
            return;
        }
        pair = Some((got, want));
    }
    let (got, want) = pair.unwrap();
    assert_eq!(got, want, "dmesg {words:?} (left: ours, right: util-linux)");
}

#[test]
fn every_option_alone_on_a_file() {
    let folder = Folder::new("dmesg-one");
    folder.file("log", LOG);
    same_log(&["-F", "log"], &folder.0);
    for option in OPTIONS {
        same_log(&[option, "-F", "log"], &folder.0);
    }
}

#[test]
fn every_pair_of_options_on_a_file() {
    let folder = Folder::new("dmesg-two");
    folder.file("log", LOG);
    for a in OPTIONS {
        for b in OPTIONS {
            same_log(&[a, b, "-F", "log"], &folder.0);
        }
    }
}

#[test]
fn made_logs_are_read_alike() {
    let folder = Folder::new("dmesg-made");
    let mut dice = Dice(7);
    let parts: &[&[u8]] = &[
        b"<",
        b">",
        b"[",
        b"]",
        b" ",
        b"6",
        b"<6>",
        b"<30>",
        b"[    1.234567] ",
        b"[12.5]",
        b".",
        b"\n",
        b"\n<",
        b"x: ",
        b"text",
        b":",
        b"[ ",
        b"-",
        b"\t",
        b"\x80",
        b"\xc3\xa9",
        b"[5",
        b"<-1>",
        b"[ .5] ",
        b"[1.]",
        b"[ 7.5 x] ",
        b"<999>",
        b"\n\n",
        b"[1",
    ];
    let options = ["-x", "-t", "-d", "-Lalways", "-lerr,info,notice", "-fkern,daemon", "-r", "-p", "-k"];
    let mut compared = 0;
    for round in 0..400 {
        let mut log = b"<6>[    1.000000] first\n".to_vec();
        for _ in 0..dice.below(14) {
            log.extend_from_slice(dice.pick(parts));
        }
        let file = folder.file("log", &log);
        let option = options[dice.below(options.len())];
        let said = |mut command: Command| run(command.args([option, "-F"]).arg(&file).env("LANG", "C.UTF-8"));
        let (got, want) = (said(ours("dmesg")), said(theirs("dmesg")));
        if want.out.contains("\\\\x00\\\\x00") {
            // On a record of `<` alone util-linux reads past the end of the file.
            continue;
        }
        compared += 1;
        assert_eq!(got, want, "round {round}, {option}, {} (left: ours)", log.escape_ascii());
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn the_c_locale_spells_every_byte() {
    let folder = Folder::new("dmesg-c");
    folder.file("log", LOG);
    for lang in ["C", "C.UTF-8", "xx_YY.UTF-8", "POSIX", ""] {
        let said = |mut command: Command| run(command.args(["-F", "log"]).current_dir(&folder.0).env("LANG", lang));
        assert_eq!(said(ours("dmesg")), said(theirs("dmesg")), "LANG={lang}");
    }
}

#[test]
fn local_time_is_that_of_tz() {
    let folder = Folder::new("dmesg-tz");
    folder.file("log", LOG);
    for zone in
        ["UTC", "Asia/Kolkata", "EST5EDT", "CET-1CEST,M3.5.0,M10.5.0/3", ":Europe/Berlin", "nonsense", "", "<-03>3"]
    {
        for format in ["-T", "--time-format=iso", "-e"] {
            let said = |mut command: Command| {
                run(command.args([format, "-F", "log"]).current_dir(&folder.0).env("TZ", zone).env("LANG", "C.UTF-8"))
            };
            assert_eq!(said(ours("dmesg")), said(theirs("dmesg")), "TZ={zone} {format}");
        }
    }
}

#[test]
fn refusals_and_texts_are_the_same() {
    let folder = Folder::new("dmesg-no");
    folder.file("log", LOG);
    folder.file("empty", "");
    for words in [
        &["-z"][..],
        &["--foo"],
        &["--foo=1"],
        &["--co"],
        &["--console"],
        &["--c"],
        &["-n"],
        &["-n", "foo"],
        &["-n", "9"],
        &["-n", "0"],
        &["-n", "-1"],
        &["-n", "5x"],
        &["-l", "foo"],
        &["-l", "err,"],
        &["-l", "info,,err", "-F", "log"],
        &["-l", "", "-F", "log"],
        &["-l", ",", "-F", "log"],
        &["-l", "err+"],
        &["-l", "8"],
        &["-f", "foo"],
        &["-f", "kern,foo,x"],
        &["-f", "12"],
        &["-s", "abc"],
        &["-s", ""],
        &["-s", "-5"],
        &["-s", "99999999999999999999"],
        &["-s", "1k"],
        &["extra"],
        &["-n", "emerg", "x"],
        &["--time-format=x"],
        &["--time-format="],
        &["--since", "foo"],
        &["--until=bar"],
        &["--since="],
        &["-F", "nonexistent"],
        &["-F", "/"],
        &["-F"],
        &["-F", "empty"],
        &["-F", "/dev/null"],
        &["-J", "-F", "empty"],
        &["-L=foo"],
        &["-Lfoo"],
        &["--color=foo"],
        &["--color="],
        &["--clear=3"],
        &["-i"],
        &["-h", "-z"],
        &["-V", "-r", "-x"],
        &["-x", "-r", "-V"],
        &["--nop", "-F", "log"],
        &["-F", "log", "-F", "nonexistent"],
        &["--help"],
        &["--version"],
        &["-Vx"],
        &["-hV"],
        &["--", "x"],
        &["-"],
        &["-F", "log", "--", "-x"],
        &["-xF", "log"],
        &["-xFlog"],
        &["--file=log"],
        &["-L=ALWAYS", "-F", "log"],
        &["-L=Never", "-F", "log"],
    ] {
        same("dmesg", words, &folder.0);
    }
}

#[test]
fn options_that_exclude_each_other_are_refused_alike() {
    let folder = Folder::new("dmesg-ex");
    let all =
        ["-C", "-c", "-D", "-E", "-n5", "-r", "-H", "-L", "-S", "-w", "-W", "-T", "-d", "-e", "-x", "-t", "-J", "-p"];
    let mut refused = 0;
    for a in all {
        for b in all {
            // -z ends the reading of options before anything is done to the log.
            let words = [a, b, "-z"];
            let want = run(theirs("dmesg").args(words));
            refused += usize::from(want.err.contains("mutually exclusive"));
            assert_eq!(run(ours("dmesg").args(words)), want, "{words:?}");
        }
    }
    assert!(refused > 40, "{refused}");
    drop(folder);
}

/// Records as /dev/kmsg gives them, one a read: each is filled up to the size of dmesg's buffer, except the last.
fn kmsg_file() -> Vec<u8> {
    let records: &[&[u8]] = &[
        b"6,1,0,-;Linux version 6.1\n SUBSYSTEM=x\n DEVICE=+y\n",
        b"4,2,1234567,-;acpi: line one\\x0aline two\\x0aline three \\x01 \\xc3\\xa9\n",
        b"30,3,100000000,c;daemon\n",
        b"12,4,200000000,-,caller=T1;user msg\n",
        b"3,5,200000001,-;usb 1-1: \\\\x41 back\\\\slash \\x\\xg1\n",
        b"6,6,200000001,-;\n",
        b"7,7,300000001,-;ends in newline\\x0a\n",
        b"7,8,300000001,-;a\\x0a\\x0ab\n",
        b"6,8,300000001,-;\\x0a\n",
        b"86,9,123,-;semi;colon, x: segfault at 5\n",
        b"2,9,777,-;\"quoted\" \\x09 tab\n",
        b"185,10,400000001,-;local7 \xc3\xa9 raw \x01 \x7f \x9b\n",
    ];
    let mut all = Vec::new();
    for record in records {
        all.extend_from_slice(record);
        if !record.starts_with(b"185") {
            all.extend_from_slice(b" P=");
            all.extend(std::iter::repeat_n(b'x', 8191 - record.len() - 4));
            all.push(b'\n');
        }
    }
    all
}

#[test]
fn kmsg_records_are_printed_alike() {
    let folder = Folder::new("dmesg-kmsg");
    let kmsg = folder.file("kmsg", kmsg_file());
    let inside = |mut tool: Command, words: &[&str]| {
        // A mount namespace of its own puts the file in the place of the device.
        let program = tool.args(words).get_program().to_owned();
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", "mount --bind \"$0\" /dev/kmsg && shift 0 && exec \"$@\""]).arg(&kmsg);
        command.arg(program);
        if command.get_args().any(|a| a == common::LKM) {
            command.arg("dmesg");
        }
        run(command.args(words).env("LANG", "C.UTF-8"))
    };
    let probe = inside(theirs("dmesg"), &[]);
    assert!(probe.out.contains("semi;colon"), "this test needs unprivileged mount namespaces: {probe:?}");
    let options = OPTIONS.iter().filter(|o| !["-w", "-W", "-c", "-S"].contains(o)).chain(&["-J", "-rp", "-xp"]);
    let options: Vec<&str> = options.copied().collect();
    for a in &options {
        for b in ["-P", "-p", "-x", "-J", "-Lalways", "--noescape"] {
            let (got, want) = (inside(ours("dmesg"), &[a, b]), inside(theirs("dmesg"), &[a, b]));
            if got != want && (a.contains("until") || a.contains("since")) {
                // The boot time may have been rounded another way.
                assert_eq!(inside(ours("dmesg"), &[a, b]), inside(theirs("dmesg"), &[a, b]), "{a} {b}");
                continue;
            }
            assert_eq!(got, want, "{a} {b} (left: ours)");
        }
    }
}
