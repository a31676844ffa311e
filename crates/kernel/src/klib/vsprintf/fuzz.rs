//! Formats and arguments that nobody would write: nothing may panic, and a small buffer must agree with a large one.

use super::mock::Mock;
use super::*;

/// A small random generator (xorshift), so that a failure repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn format(&mut self) -> Vec<u8> {
        let mut fmt = Vec::new();
        for _ in 0..self.below(6) {
            match self.below(4) {
                0 => fmt.push(self.next() as u8),
                1 => fmt.extend_from_slice(b" text %%"),
                _ => self.conversion(&mut fmt),
            }
        }
        fmt
    }

    fn conversion(&mut self, fmt: &mut Vec<u8>) {
        fmt.push(b'%');
        for _ in 0..self.below(3) {
            fmt.push(self.pick(b"-+ #0"));
        }
        fmt.extend_from_slice(self.pick(&[&b""[..], b"", b"*", b"7", b"64", b"200", b"4294967295"]));
        fmt.extend_from_slice(self.pick(&[&b""[..], b"", b".", b".*", b".3", b".99999"]));
        fmt.extend_from_slice(self.pick(&[&b""[..], b"h", b"hh", b"l", b"ll", b"L", b"z", b"t"]));
        fmt.push(self.pick(b"pppppppppppdiuxXoscn%y\xff"));
        for _ in 0..self.below(5) {
            fmt.push(self.pick(b"SsBRrhbMmIiEUVKN4adtCDgGOfAxekuSTFPRlLcCnNdp46swb"));
        }
    }
}

/// Arguments: plain numbers, bad pointers, and objects of every sort in one heap that points into itself.
fn arguments(random: &mut Random, objects: &[u64]) -> Vec<u64> {
    (0..14)
        .map(|_| match random.below(4) {
            0 => random.pick(&[0, 1, 4095, 4096, u64::MAX, u64::MAX - 4094, 1 << 63, u64::MAX - 5000]),
            1 => random.next() >> random.below(64),
            _ => random.pick(objects) + random.pick(&[0, 0, 0, 1, 8]),
        })
        .collect()
}

fn world(random: &mut Random) -> (Mock, Vec<u64>) {
    let mut mock = Mock::new();
    let mut objects = vec![mock.str("a string"), mock.str("%s %pV %d"), mock.put(&[0xff; 64])];
    for _ in 0..20 {
        let words: Vec<u64> =
            (0..8).map(|_| if random.below(2) == 0 { random.pick(&objects) } else { random.next() }).collect();
        objects.push(mock.words(&words));
    }
    (mock, objects)
}

#[test]
fn nothing_panics() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut mock, objects) = world(&mut random);
    let mut printed = 0;
    for round in 0..20_000 {
        if round % 500 == 0 {
            mock = world(&mut random).0;
        }
        let (fmt, args) = (random.format(), arguments(&mut random, &objects));
        let size = random.below(80);
        let (small, large) = (mock.try_format(size, &fmt, &args), mock.try_format(1 << 16, &fmt, &args));
        match (small, large) {
            (Ok((small, len)), Ok((large, full))) => {
                printed += 1;
                assert_eq!(len, full, "{}", fmt.escape_ascii());
                assert_eq!(small, large[..small.len()], "{}", fmt.escape_ascii());
                assert_eq!(small.len(), len.min(size.saturating_sub(1)), "{}", fmt.escape_ascii());
            }
            (small, large) => assert_eq!(small.map(|_| ()), large.map(|_| ()), "{}", fmt.escape_ascii()),
        }
        stored(&mock, &fmt, &args, random.below(40));
    }
    assert!(printed > 5_000, "too many of them fault: {printed}");
}

/// The record of a format, read back by the same one and by another.
fn stored(mock: &Mock, fmt: &[u8], args: &[u64], words: usize) {
    let Ok((record, _)) = vbin_printf(mock, words, fmt, &mut SliceArgs::new(args)) else { return };
    assert_eq!(record.len(), words * 4);
    let mut buf = Vec::new();
    let _ = bstr_printf(mock, &mut buf, 100, fmt, &record);
    assert!(buf.len() < 100);
    let _ = bstr_printf(mock, &mut buf, 100, b"%s%d%pM%c%ld%s", &record);
}

#[test]
fn scans_do_not_panic() {
    struct Nowhere;
    impl Memory for Nowhere {
        fn write(&mut self, addr: u64, _bytes: &[u8]) -> Result<(), Fault> {
            if addr.is_multiple_of(7) { Err(Fault::Access(addr)) } else { Ok(()) }
        }
    }
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..random.below(12)).map(|_| random.pick(b"0179afxX-+ \t\n%:]z\xa0")).collect();
        let fmt: Vec<u8> = (0..random.below(12)).map(|_| random.pick(b"%%%%%dixuoscn[]^*239hlLz :a\xa0")).collect();
        let args: Vec<u64> = (0..12).map(|_| random.next()).collect();
        let _ = vsscanf(&text, &fmt, &mut SliceArgs::new(&args), &mut Nowhere);
        let _ = simple_strtoll(&text, random.pick(&[0, 2, 8, 10, 16, 36]));
    }
}
