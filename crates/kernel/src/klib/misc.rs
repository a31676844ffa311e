//! Small services that belong to no other file. Counterpart: lib/memcat_p.c, lib/net_utils.c, lib/errseq.c,
//! lib/bitrev.c, lib/bcd.c, kernel/panic.c (`add_taint`).

use crate::mm::slab;
use crate::module::taint::{self, Taint};
use kabi::{DataExport, DataSize, KPtr, KResult, NullPtr, c_int, c_uint, exports, kexport};
use machine::access;

exports![
    __memcat_p,
    mac_pton,
    errseq_set,
    errseq_sample,
    errseq_check,
    errseq_check_and_advance,
    _bcd2bin,
    _bin2bcd,
    add_taint
];

/// Pointers up to a NULL.
fn pointers(at: KPtr) -> KResult<Vec<u64>> {
    let mut out = Vec::new();
    for i in 0.. {
        match at.get(8 * i)? {
            0u64 => break,
            pointer => out.push(pointer),
        }
    }
    Ok(out)
}

/// Joins two arrays of pointers that end with NULL, in new memory.
#[kexport(gpl, since = "4.20", header = "linux/string.h")]
fn __memcat_p(a: KPtr, b: KPtr) -> NullPtr {
    let joined = || -> KResult<KPtr> {
        let all: Vec<u8> = pointers(a)?.into_iter().chain(pointers(b)?).chain([0]).flat_map(u64::to_le_bytes).collect();
        slab::give(&all)
    };
    NullPtr(joined())
}

/// The six bytes of an Ethernet address as text.
fn ethernet(text: &[u8]) -> Option<[u8; 6]> {
    let hex = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let mut out = [0; 6];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = hex(*text.get(3 * i)?)? << 4 | hex(*text.get(3 * i + 1)?)?;
        if i < 5 && text.get(3 * i + 2) != Some(&b':') {
            return None;
        }
    }
    Some(out)
}

/// Reads an Ethernet address; false if it is none.
#[kexport(since = "2.6.39", header = "linux/kernel.h")]
fn mac_pton(text: kabi::KStr, to: KPtr) -> KResult<bool> {
    // A longer text may follow, a shorter one is no address.
    let Some(bytes) = ethernet(text.as_bytes()) else { return Ok(false) };
    access::write(to.addr(), &bytes)?;
    Ok(true)
}

/// An error is the low 12 bits of the word; the next one tells that somebody saw it; the rest counts.
const SEEN: u32 = 1 << 12;
const COUNT: u32 = 1 << 13;
const ERROR: u32 = SEEN - 1;

/// Records an error; what the word was.
#[kexport(since = "4.13", header = "linux/errseq.h")]
fn errseq_set(word: KPtr, error: c_int) -> KResult<c_uint> {
    let errno = error.unsigned_abs();
    if error > 0 || errno > ERROR || errno == 0 {
        return word.get(0);
    }
    loop {
        let old: u32 = word.get(0)?;
        let mut new = old & !(ERROR | SEEN) | errno;
        if old & SEEN != 0 {
            new = new.wrapping_add(COUNT);
        }
        if new == old || access::compare_exchange_u32(word.addr(), old, new)? == old {
            return Ok(new);
        }
    }
}

/// The word as somebody begins to look at it: 0 if nobody saw its error yet.
#[kexport(since = "4.13", header = "linux/errseq.h")]
fn errseq_sample(word: KPtr) -> KResult<c_uint> {
    let value: u32 = word.get(0)?;
    Ok(if value & SEEN != 0 { value } else { 0 })
}

/// The error since a sample, or 0.
#[kexport(since = "4.13", header = "linux/errseq.h")]
fn errseq_check(word: KPtr, since: c_uint) -> KResult<c_int> {
    let value: u32 = word.get(0)?;
    Ok(if value == since { 0 } else { -((value & ERROR) as c_int) })
}

/// The error since a sample, which becomes the present one.
#[kexport(since = "4.13", header = "linux/errseq.h")]
fn errseq_check_and_advance(word: KPtr, since: KPtr) -> KResult<c_int> {
    let old: u32 = word.get(0)?;
    if old == since.get(0)? {
        return Ok(0);
    }
    let new = old | SEEN;
    if new != old {
        access::compare_exchange_u32(word.addr(), old, new)?;
    }
    since.put(0, new)?;
    Ok(-((new & ERROR) as c_int))
}

/// The number whose two decimal digits a byte holds.
#[kexport(since = "2.6.28", header = "linux/bcd.h")]
fn _bcd2bin(value: u8) -> c_uint {
    u32::from(value & 0x0f) + u32::from(value >> 4) * 10
}

/// A number's two decimal digits in a byte.
#[kexport(since = "2.6.28", header = "linux/bcd.h")]
fn _bin2bcd(value: c_uint) -> u8 {
    (((value / 10) << 4) + value % 10) as u8
}

/// Taints the kernel.
#[kexport(
    since = "2.6.0",
    header = "linux/panic.h",
    partial = "taints that only the kernel's own parts set are not known"
)]
fn add_taint(flag: c_uint, _lock_debugging: c_uint) {
    const KNOWN: [Taint; 12] = [
        Taint::ProprietaryModule,
        Taint::ForcedModule,
        Taint::ForcedRmmod,
        Taint::User,
        Taint::Die,
        Taint::Warn,
        Taint::Crap,
        Taint::OotModule,
        Taint::UnsignedModule,
        Taint::SoftLockup,
        Taint::Livepatch,
        Taint::Test,
    ];
    if let Some(taint) = KNOWN.into_iter().find(|taint| *taint as u32 == flag) {
        taint::add(taint);
    }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[
    DataExport {
        names: &["no_hash_pointers"],
        size: DataSize::Bytes(1),
        percpu: false,
        gpl: true,
        init: |_, _| Ok(()),
        doc: "Whether `%p` shows addresses: it does not.",
    },
    DataExport {
        names: &["byte_rev_table"],
        size: DataSize::Bytes(256),
        percpu: false,
        gpl: true,
        init: |addr, _| {
            Ok(access::write(addr, &std::array::from_fn::<u8, 256, _>(|byte| (byte as u8).reverse_bits()))?)
        },
        doc: "Each byte with its bits in the opposite order.",
    },
];

#[test]
fn addresses_have_six_bytes() {
    assert_eq!(ethernet(b"01:23:45:67:89:ab"), Some([1, 0x23, 0x45, 0x67, 0x89, 0xab]));
    assert_eq!(ethernet(b"01:23:45:67:89"), None);
    assert_eq!(ethernet(b"01-23-45-67-89-ab"), None);
}

#[test]
fn decimal_digits_share_a_byte() {
    assert_eq!((_bcd2bin(0x42), _bin2bcd(42)), (42, 0x42));
}
