//! How messages become records.

use super::*;

#[test]
fn fragments_join_to_lines() {
    let log = log();
    for text in [
        "\x016jn: list:",
        "\x01c 0",
        "\x01c 1",
        "\x01c\n",
        "\x016jn: no newline",
        "\x016jn: comes on a line of its own\n",
        "\x014jn: warn, ",
        "\x01ccontinued, ",
        "\x01cended\n",
        "\x01cjn: continues a line that ended\n",
        "\x016jn: first\njn: second\njn: third\n",
        "\x016jn: two newlines\n\n",
        "\x016\n",
        "",
        "\x016jn: before",
        "\x013jn: other level\n",
        "\x01cjn: after that\n",
        "\x016jn: one ",
        "\x01c\x013two ",
        "\x01cthree\n",
        "\x016jn: cr\rtab\t\\ del\x7f\n",
        "\x016jn: last, without newline",
    ] {
        log.print(text.as_bytes());
    }
    let shown = records(&log);
    assert!(!shown.contains("jn: last"), "a line without an end is not shown yet");
    log.print(b"\x01c (continued)\n");
    log.print(b"\x016jn: out\n");
    let want = "6,-;jn: list: 0 1\n6,-;jn: no newline\n6,-;jn: comes on a line of its own\n4,-;jn: warn, continued, ended\n\
                4,c;jn: continues a line that ended\n6,-;jn: first\\x0ajn: second\\x0ajn: third\n6,-;jn: two newlines\\x0a\n\
                6,-;\n4,-;\n6,-;jn: before\n3,-;jn: other level\n4,c;jn: after that\n6,-;jn: one two three\n\
                6,-;jn: cr\\x0dtab\\x09\\x5c del\\x7f\n6,-;jn: last, without newline (continued)\n6,-;jn: out\n";
    assert_eq!(records(&log), want);
}

#[test]
fn only_the_same_caller_continues() {
    let log = log();
    log.print(b"\x016one");
    CALLER.set(2);
    log.print(b"\x01ctwo");
    CALLER.set(1);
    log.print(b"\x01cone\n");
    log.print(b"x\n");
    assert_eq!(records(&log), "6,-;one\n4,c;two\n4,c;one\n4,-;x\n");
}

#[test]
fn levels_come_from_prefixes() {
    let log = log();
    for (text, len, want) in [
        ("\x010lv: emerg\n", 9, "0,-;lv: emerg\n"),
        ("\x01dlv: KERN_DEFAULT\n", 18, "4,-;\\x01dlv: KERN_DEFAULT\n"),
        ("lv: no level\n", 12, "4,-;lv: no level\n"),
        ("<3>lv: old style\n", 16, "4,-;<3>lv: old style\n"),
        ("\x01clv: continued on nothing\n", 24, "4,c;lv: continued on nothing\n"),
        ("\x019lv: not a level\n", 17, "4,-;\\x019lv: not a level\n"),
        ("\x013\x016lv: two levels\n", 14, "3,-;lv: two levels\n"),
        ("\x016lv: count\n", 9, "6,-;lv: count\n"),
    ] {
        assert_eq!(log.print(text.as_bytes()), len, "{text:?}");
        assert!(records(&log).ends_with(want), "{text:?}");
    }
    log.levels().set([7, 2, 1, 7]);
    log.print(b"default\n");
    log.emit(0, 5, None, b"\x013the argument wins\n");
    log.emit(3, 7, None, b"\x013kept\n");
    assert!(records(&log).ends_with("2,-;default\n5,-;the argument wins\n31,-;\\x013kept\n"));
}

#[test]
fn long_texts_are_cut() {
    for (release, max) in [((6, 1), 989), ((6, 12), 1021)] {
        let log = log_with(Config { release, ..Config::default() }).0;
        for (n, want) in [(10, 16), (900, 907), (1100, max), (2500, max)] {
            assert_eq!(log.print(format!("\x016ll:{n}:{}\n", "x".repeat(n)).as_bytes()), want, "{release:?}");
        }
    }
    let log = log();
    log.print(b"\x016ll:cont");
    for _ in 0..30 {
        log.print(format!("\x01c{}", "A".repeat(60)).as_bytes());
    }
    log.print(b"\x01cend\n");
    let lengths: Vec<usize> = records(&log).lines().map(|line| line.len() - 4).collect();
    assert_eq!(lengths, [967, 843]);
}

#[test]
fn messages_about_devices() {
    let log = log();
    let device = DevInfo { subsystem: b"net".to_vec(), device: b"n8".to_vec() };
    log.emit(0, 6, Some(&device), b"dv: no newline");
    log.emit(0, 3, Some(&DevInfo::default()), b"dv: nothing known\n");
    assert_eq!(records(&log), "6,-;dv: no newline\n SUBSYSTEM=net\n DEVICE=n8\n3,-;dv: nothing known\n");
}
