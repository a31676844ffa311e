//! `syslog(2)`, `/dev/kmsg` and the limits on it.

use super::*;

const POLLIN: u32 = 0x001;
const POLLPRI: u32 = 0x002;
const POLLERR: u32 = 0x008;
const POLLRDNORM: u32 = 0x040;

#[test]
fn reading_all_and_clearing() {
    let (log, instance) = log_with(Config::default());
    instance.now_ns.store(12_345_678_901, Ordering::Relaxed);
    log.print(b"\x016sy: one\n");
    log.print(b"\x013sy: two\n");
    let two = "<3>[   12.345678] sy: two\n";
    assert_eq!(call(&log, 3, 4096), (Ok(52), format!("<6>[   12.345678] sy: one\n{two}")));
    assert_eq!(call(&log, 3, 51), (Ok(26), two.into()));
    assert_eq!(call(&log, 3, 10), (Ok(0), String::new()));
    assert_eq!(call(&log, 4, 51), (Ok(26), two.into()));
    assert_eq!(call(&log, 3, 4096), (Ok(0), String::new()));
    log.print(b"sy: a\nb\n");
    log.settings().time.store(false, Ordering::Relaxed);
    assert_eq!(call(&log, 3, 4096).1, "<4>sy: a\n<4>b\n");
    assert_eq!((call(&log, 5, 0).0, call(&log, 3, 4096).1), (Ok(0), String::new()));
    assert_eq!(call(&log, 10, 0).0, Ok(131_072));
}

#[test]
fn reading_in_pieces() {
    let log = log();
    for text in ["three\n", "cut in pieces\n", "last\n"] {
        log.print(text.as_bytes());
    }
    let unread = |log: &Printk| call(log, 9, 0).0.unwrap();
    assert_eq!(unread(&log), 24 + 32 + 23);
    assert_eq!(call(&log, 2, 40).1, "<4>[    0.000000] three\n");
    assert_eq!((call(&log, 2, 10).1, unread(&log)), ("<4>[    0.".into(), 22 + 23));
    assert_eq!(call(&log, 2, 4096).1, "000000] cut in pieces\n<4>[    0.000000] last\n");
    assert_eq!((unread(&log), call(&log, 2, 100).0), (0, Err(Error::Interrupted)));
    assert!(!log.syslog_readable());
    log.print(b"open");
    assert!(!log.syslog_readable());
    log.print(b"new\n");
    assert_eq!(log.syslog(9, None, 0, &NOBODY, Source::ProcFile, &Signal), Ok(2));
}

#[test]
fn bad_calls_and_permissions() {
    struct Bad(bool);
    impl UserBuffer for Bad {
        fn accessible(&self) -> bool {
            self.0
        }
        fn append(&mut self, _bytes: &[u8]) -> Result<(), Error> {
            Err(Error::Fault)
        }
    }
    let log = log();
    log.settings().dmesg_restrict.store(0, Ordering::Relaxed);
    for action in [2, 3, 4] {
        log.print(b"bad\n");
        assert_eq!(log.syslog(action, None, 10, &ROOT, Source::Call, &Signal), Err(Error::Invalid));
        assert_eq!((call(&log, action, 0).0, call(&log, action, -5).0), (Ok(0), Err(Error::Invalid)));
        for accessible in [false, true] {
            let result = log.syslog(action, Some(&mut Bad(accessible)), 100, &ROOT, Source::Call, &Signal);
            assert_eq!(result, Err(Error::Fault), "{action}");
        }
    }
    assert_eq!((call(&log, 11, 0).0, call(&log, -1, 0).0), (Err(Error::Invalid), Err(Error::Invalid)));
    for action in 0..=11 {
        let result = log.syslog(action, None, 0, &NOBODY, Source::Call, &Signal);
        assert_eq!(result == Err(Error::NotPermitted), !matches!(action, 3 | 10), "{action}");
    }
    assert!(KmsgFile::open(&log, true, &NOBODY).is_ok());
    log.settings().dmesg_restrict.store(1, Ordering::Relaxed);
    assert!(KmsgFile::open(&log, true, &NOBODY).is_err());
    assert!(KmsgFile::open(&log, false, &NOBODY).is_ok());
    let admin = SyslogCaller { cap_sys_admin: true, comm: "old", ..NOBODY };
    (0..2).for_each(|_| assert_eq!(log.syslog(10, None, 0, &admin, Source::Call, &Signal), Ok(131_072)));
    assert_eq!(records(&log).matches("old (2): Attempt to access syslog").count(), 1);
}

#[test]
fn the_device_file() {
    let (log, instance) = log_with(Config { buffer_size: 4096, ..Config::default() });
    log.set_devkmsg(b"on\n").unwrap();
    let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
    let mut read = |count| {
        let mut buf = Vec::new();
        file.read(&log, &mut buf, count, None).map(|_| String::from_utf8(buf).unwrap())
    };
    assert_eq!(read(99), Err(Error::Again));
    instance.now_ns.store(7_000_999, Ordering::Relaxed);
    log.print(b"\x016km: one\n");
    log.print(b"small\n");
    assert_eq!(read(99).unwrap(), "6,0,7000,-;km: one\n");
    assert_eq!((read(5), read(99)), (Err(Error::Invalid), Err(Error::Again)));
    for i in 0..200 {
        log.print(format!("{i}\n").as_bytes());
    }
    assert_eq!(read(99), Err(Error::Lost));
    assert!(read(99).unwrap().starts_with("4,74,"), "the oldest of 128 records");

    let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
    assert_eq!(file.seek(&log, 3, Seek::Set), Err(Error::IllegalSeek));
    file.seek(&log, 0, Seek::End).unwrap();
    assert_eq!(file.poll(&log), 0);
    log.print(b"x\n");
    assert_eq!(file.poll(&log), POLLIN | POLLRDNORM);
    for _ in 0..200 {
        log.print(b"y\n");
    }
    assert_eq!(file.poll(&log), POLLIN | POLLRDNORM | POLLERR | POLLPRI);
    call(&log, 5, 0).0.unwrap();
    file.seek(&log, 0, Seek::Data).unwrap();
    assert_eq!(file.poll(&log), 0);
    file.seek(&log, 0, Seek::Set).unwrap();
    assert_ne!(file.poll(&log), 0);
    assert_eq!([0, 1, 2, 3].map(|whence| Seek::from_whence(whence).is_ok()), [true, false, true, true]);
}

#[test]
fn programs_write_messages() {
    let log = log();
    log.set_devkmsg(b"on\n").unwrap();
    let mut file = KmsgFile::open(&log, false, &NOBODY).unwrap();
    for (text, want) in [
        ("km: plain\n", "12,-;km: plain\n"),
        ("km: no newline", "12,-;km: no newline\n"),
        ("<3>km: err\n", "11,-;km: err\n"),
        ("<86>km: authpriv.info", "86,-;km: authpriv.info\n"),
        ("<999>km: large", "999,-;km: large\n"),
        ("<x>km: no number", "12,-;<x>km: no number\n"),
        ("<>km: empty", "8,-;km: empty\n"),
        ("<4 km: not closed", "12,-;<4 km: not closed\n"),
        ("", "12,-;\n"),
        ("\n", "12,-;\n"),
        ("km: a\nkm: b\n", "12,-;km: a\\x0akm: b\n"),
        ("km: nul\0after", "12,-;km: nul\n"),
        ("km: é \x01 \\", "12,-;km: \\xc3\\xa9 \\x01 \\x5c\n"),
    ] {
        assert_eq!(file.write(&log, text.as_bytes(), "me"), Ok(text.len()));
        log.print(b"end\n");
        assert!(records(&log).ends_with(&format!("{want}4,-;end\n")), "{text:?}");
    }
    assert_eq!(file.write(&log, &[b'y'; 992], "me"), Ok(992));
    assert_eq!(file.write(&log, &[b'y'; 993], "me"), Err(Error::Invalid));
}

#[test]
fn programs_are_limited() {
    let (log, instance) = log_with(Config::default());
    instance.jiffies.store(1, Ordering::Relaxed);
    let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
    let mut write = || file.write(&log, b"w\n", "writer").unwrap();
    (0..14).for_each(|_| assert_eq!(write(), 2));
    instance.jiffies.store(1252, Ordering::Relaxed);
    write();
    assert_eq!(records(&log).matches("w\n").count(), 11, "nothing is reported before it is closed");
    file.close(&log, "writer");
    assert!(records(&log).ends_with("4,-;writer: 4 output lines suppressed due to ratelimiting\n"));
    let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
    log.set_devkmsg(b"off\n").unwrap();
    assert_eq!(file.write(&log, b"gone\n", "writer"), Ok(5));
    assert!(!records_after_open(&log).contains("gone"));
    for (text, result) in [("on", Err(Error::Invalid)), ("wrong\n", Err(Error::Invalid)), ("ratelimit\n", Ok(()))] {
        assert_eq!(log.set_devkmsg(text.as_bytes()), result);
    }
    log.set_devkmsg_at_boot("on");
    assert_eq!((log.set_devkmsg(b"off\n"), log.devkmsg()), (Err(Error::Invalid), "on"));
}

/// The file cannot be opened while the setting is off.
fn records_after_open(log: &Printk) -> String {
    assert_eq!(KmsgFile::open(log, true, &ROOT).unwrap_err(), Error::NotPermitted);
    call(log, 3, 1 << 20).1
}

#[test]
fn suppressed_calls_are_reported() {
    let (log, instance) = log_with(Config::default());
    let mut own = RateLimit { interval: 125, burst: 3, ..RateLimit::default() };
    let passed = |own: &mut RateLimit, n| (0..n).filter(|_| log.ratelimit(own, "own_limit")).count();
    instance.jiffies.store(1000, Ordering::Relaxed);
    assert_eq!(passed(&mut own, 5), 3);
    instance.jiffies.store(1126, Ordering::Relaxed);
    assert_eq!(passed(&mut own, 1), 1);
    assert_eq!(records(&log), "4,-;own_limit: 2 callbacks suppressed\n");
    assert_eq!(instance.deferred.load(Ordering::Relaxed), 1);
}

#[test]
fn dumps_go_forward_by_line_and_backward_by_buffer() {
    let log = log();
    log.print(b"cleared\n");
    call(&log, 5, 0).0.unwrap();
    for i in 1..=3 {
        log.print(format!("{i}\n").as_bytes());
    }
    let line = |i: u32| format!("<4>[    0.000000] {i}\n");
    let mut cursor = log.dump_rewind();
    let lines: Vec<Vec<u8>> = std::iter::from_fn(|| log.dump_line(&mut cursor, true, 1024)).collect();
    assert_eq!(lines, [line(1), line(2), line(3)].map(String::into_bytes));
    let mut cursor = log.dump_rewind();
    let mut buffer = |size| log.dump_buffer(&mut cursor, true, size).map(|text| String::from_utf8(text).unwrap());
    assert_eq!(buffer(line(1).len() * 2 + 1), Some(line(2) + &line(3)));
    assert_eq!(buffer(100), Some(line(1)));
    assert_eq!(buffer(100), None);
}
