//! Consoles, sleeping readers, and many threads at once.

use super::*;

/// Shows lines in a shared string.
struct Screen(Arc<Mutex<String>>, bool);

impl Console for Screen {
    fn write(&mut self, lines: &[u8]) {
        self.0.lock().unwrap().push_str(std::str::from_utf8(lines).unwrap());
    }

    fn extended(&self) -> bool {
        self.1
    }
}

#[test]
fn consoles_show_what_is_important() {
    let log = log_with(Config { quiet: true, buffer_size: 4096, ..Config::default() }).0;
    log.print(b"\x013before\n");
    let (replayed, live, extended) = <(Arc<Mutex<String>>, Arc<Mutex<String>>, Arc<Mutex<String>>)>::default();
    log.register_console(Box::new(Screen(replayed.clone(), false)), true);
    log.register_console(Box::new(Screen(live.clone(), false)), false);
    log.register_console(Box::new(Screen(extended.clone(), true)), false);
    log.print(b"\x014not shown\n");
    log.print(b"\x013a\nb\n");
    log.emit(0, LOGLEVEL_SCHED, None, b"\x012later\n");
    let line = |text: &str| format!("[    0.000000] {text}\n");
    assert_eq!(*live.lock().unwrap(), line("a") + &line("b"));
    log.flush();
    assert_eq!(*live.lock().unwrap(), line("a") + &line("b") + &line("later"));
    assert_eq!(*replayed.lock().unwrap(), line("before") + &*live.lock().unwrap());
    assert_eq!(*extended.lock().unwrap(), "3,2,0,-;a\\x0ab\n2,3,0,-;later\n");
    live.lock().unwrap().clear();
    log.settings().ignore_loglevel.store(true, Ordering::Relaxed);
    log.print(b"\x017debug\n");
    log.settings().time.store(false, Ordering::Relaxed);
    log.print(b"open");
    for _ in 0..150 {
        log.print_deferred(b"x\n");
    }
    log.flush();
    let shown = live.lock().unwrap().clone();
    assert_eq!(shown, line("debug") + "** 23 printk messages dropped **\n" + &"x\n".repeat(128));
}

#[test]
fn a_console_may_print() {
    struct Chatty(std::sync::Weak<Printk>, Arc<Mutex<String>>, u32);
    impl Console for Chatty {
        fn write(&mut self, lines: &[u8]) {
            self.1.lock().unwrap().push_str(std::str::from_utf8(lines).unwrap());
            self.2 += 1;
            if let Some(log) = self.0.upgrade().filter(|_| self.2 < 4) {
                log.print(format!("\x013write {}\n", self.2).as_bytes());
            }
        }
    }
    let log = log();
    let text = Arc::new(Mutex::new(String::new()));
    log.settings().time.store(false, Ordering::Relaxed);
    log.register_console(Box::new(Chatty(Arc::downgrade(&log), text.clone(), 0)), false);
    log.print(b"\x013start\n");
    assert_eq!(*text.lock().unwrap(), "start\nwrite 1\nwrite 2\nwrite 3\n");
}

#[test]
fn a_reader_sleeps_until_there_is_something() {
    let (log, instance) = log_with(Config::default());
    let reader = std::thread::spawn({
        let (log, sleep) = (log.clone(), Sleep(instance));
        move || {
            let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
            let mut buf = Vec::new();
            for _ in 0..100 {
                file.read(&log, &mut buf, 8192, Some(&sleep)).unwrap();
            }
            log.syslog(2, Some(&mut buf), 25, &ROOT, Source::Call, &sleep).unwrap();
            String::from_utf8(buf).unwrap()
        }
    });
    for i in 0..100 {
        log.print(format!("{i}\n").as_bytes());
    }
    let text = reader.join().unwrap();
    assert_eq!(text.lines().count(), 101);
    assert!(text.ends_with("4,99,0,-;99\n<4>[    0.000000] 0\n"));
}

#[test]
fn threads_lose_and_tear_nothing() {
    const THREADS: u32 = 4;
    const EACH: u32 = 2000;
    let log = log_with(Config { buffer_size: 1 << 21, ..Config::default() }).0;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                CALLER.set(thread + 10);
                for i in 0..EACH {
                    let fill = char::from(b'a' + (i % 26) as u8).to_string().repeat(i as usize % 90);
                    log.print(format!("\x016{thread} {i}").as_bytes());
                    log.print(format!("\x01c {fill}").as_bytes());
                    log.print(b"\x01c end\n");
                }
            });
        }
    });
    // Another thread's message may come between; then the fragments stand alone, but in order and whole.
    let all = call(&log, 3, 1 << 30).1;
    for thread in 0..THREADS {
        let numbers = all
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("<6>[    0.000000] {thread} ")))
            .map(|rest| rest.split(' ').next().unwrap().parse::<u32>().unwrap());
        assert!(numbers.eq(0..EACH), "thread {thread}");
    }
    let is_fill = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() && b == word.as_bytes()[0]);
    let fill: usize = all.split_whitespace().filter(is_fill).map(str::len).sum();
    let wanted: usize = (0..EACH as usize).map(|i| i % 90).sum();
    assert_eq!(fill, wanted * THREADS as usize);
    assert_eq!(all.matches(" end\n").count(), (THREADS * EACH) as usize);
}

#[test]
fn a_reader_learns_what_it_lost() {
    const THREADS: u64 = 3;
    const EACH: u64 = 20_000;
    let log = log_with(Config { buffer_size: 1 << 14, ..Config::default() }).0;
    let (mut read, mut lost) = (0, 0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                for i in 0..EACH {
                    log.print(format!("{thread}:{i}:{}\n", "#".repeat((i % 50) as usize)).as_bytes());
                }
            });
        }
        let mut file = KmsgFile::open(&log, true, &ROOT).unwrap();
        let mut next = 0;
        while next < THREADS * EACH {
            let mut buf = Vec::new();
            match file.read(&log, &mut buf, 8192, None) {
                Ok(_) => {
                    let text = String::from_utf8(buf).unwrap();
                    let (head, text) = text.trim_end().split_once(';').unwrap();
                    let seq: u64 = head.split(',').nth(1).unwrap().parse().unwrap();
                    let fields: Vec<&str> = text.split(':').collect();
                    let i: usize = fields[1].parse().unwrap();
                    assert_eq!(fields[2], "#".repeat(i % 50), "torn: {text}");
                    assert!(seq >= next);
                    lost += seq - next;
                    read += 1;
                    next = seq + 1;
                }
                Err(error) => assert!(matches!(error, Error::Again | Error::Lost)),
            }
        }
    });
    assert_eq!(read + lost, THREADS * EACH);
}
