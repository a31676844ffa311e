//! Takes any bytes for an image that begins with a `struct module` of Linux 2.4.
#![no_main]

use kernel::personality24::header::check;
use wire::legacy::header;

const ADDR: u64 = 0x1080_0000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let created = 0x2000;
    let Ok(header) = check(bytes, ADDR, created, b"m") else { return };
    assert!(header.size <= created && header.size <= bytes.len() as u64);
    for function in [header.init, header.cleanup, header.can_unload] {
        assert!(function == 0 || (ADDR + header::PERSIST_START..=ADDR + header.size).contains(&function));
    }
    let end = ADDR + header.size.next_multiple_of(4096);
    for (range, _) in header.protection.iter().flatten() {
        assert!(ADDR <= range.start && range.start <= range.end && range.end <= end);
    }
    assert!(header.syms.iter().all(|symbol| symbol.name.len() < bytes.len()));
});
