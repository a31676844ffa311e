//! Files that show a variable. Counterpart: fs/debugfs/file.c.

use super::{Dentry, own};
use crate::fs::{Spec, writable};
use crate::klib::kstrtox::{parse_bool, parse_signed, parse_unsigned};
use kabi::errno::{EACCES, EINVAL};
use kabi::{ErrPtr, Field, KPtr, KResult, KStr, exports, kexport};

exports![
    debugfs_create_u8,
    debugfs_create_u16,
    debugfs_create_u32,
    debugfs_create_u64,
    debugfs_create_x8,
    debugfs_create_x16,
    debugfs_create_x32,
    debugfs_create_x64,
    debugfs_create_size_t,
    debugfs_create_ulong,
    debugfs_create_atomic_t,
    debugfs_create_bool,
    debugfs_create_blob,
    debugfs_create_u32_array
];

type Entry = KPtr<Dentry>;

/// Longest text of a number (`set_buf` of `struct simple_attr`).
const LONGEST: usize = 23;

/// How a variable is shown.
#[derive(Debug, Clone, Copy)]
enum Look {
    Decimal,
    Hexadecimal,
    /// A 32-bit number with a sign.
    Signed,
}

fn load(at: KPtr, bytes: usize) -> KResult<u64> {
    Ok(match bytes {
        1 => at.get::<u8>(0)?.into(),
        2 => at.get::<u16>(0)?.into(),
        4 => at.get::<u32>(0)?.into(),
        _ => at.get(0)?,
    })
}

fn store(at: KPtr, bytes: usize, value: u64) -> KResult {
    match bytes {
        1 => at.put(0, value as u8),
        2 => at.put(0, value as u16),
        4 => at.put(0, value as u32),
        _ => at.put(0, value),
    }
}

/// The number that was written.
pub(super) fn number(data: &[u8], signed: bool) -> KResult<u64> {
    let text = &data[..data.len().min(LONGEST)];
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    Ok(if signed { parse_signed(text, 0)? as u64 } else { parse_unsigned(text, 0)? })
}

/// A file for a variable; what the mode does not allow fails for root, too.
fn value(name: &KStr, mode: u16, parent: Entry, at: KPtr, bytes: usize, look: Look) {
    let (reads, writes) = (mode & 0o444 != 0, mode & 0o222 != 0);
    let show = move |_: &crate::fs::Ctx<'_>| {
        if !reads {
            return Err(EACCES.into());
        }
        let value = load(at, bytes)?;
        Ok(match look {
            Look::Decimal => format!("{value}\n"),
            Look::Hexadecimal => format!("0x{value:0width$x}\n", width = 2 * bytes),
            Look::Signed => format!("{}\n", value as i32),
        }
        .into_bytes())
    };
    let store = move |_: &crate::fs::Ctx<'_>, data: &[u8]| {
        if !writes {
            return Err(EACCES.into());
        }
        store(at, bytes, number(data, matches!(look, Look::Signed))?)?;
        Ok(data.len())
    };
    made(own(name, parent, writable(u32::from(mode) & 0o7777, show, store)));
}

/// As in Linux nobody is told of an error.
fn made(_entry: ErrPtr<Dentry>) {}

/// A file for an 8-bit number.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_create_u8(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 1, Look::Decimal);
}

/// A file for a 16-bit number.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_create_u16(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 2, Look::Decimal);
}

/// A file for a 32-bit number.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_create_u32(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 4, Look::Decimal);
}

/// A file for a 64-bit number.
#[kexport(gpl, since = "2.6.16", header = "linux/debugfs.h")]
fn debugfs_create_u64(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 8, Look::Decimal);
}

/// A file for an 8-bit number in hexadecimal digits.
#[kexport(gpl, since = "2.6.23", header = "linux/debugfs.h")]
fn debugfs_create_x8(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 1, Look::Hexadecimal);
}

/// A file for a 16-bit number in hexadecimal digits.
#[kexport(gpl, since = "2.6.23", header = "linux/debugfs.h")]
fn debugfs_create_x16(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 2, Look::Hexadecimal);
}

/// A file for a 32-bit number in hexadecimal digits.
#[kexport(gpl, since = "2.6.23", header = "linux/debugfs.h")]
fn debugfs_create_x32(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 4, Look::Hexadecimal);
}

/// A file for a 64-bit number in hexadecimal digits.
#[kexport(gpl, since = "2.6.36", header = "linux/debugfs.h")]
fn debugfs_create_x64(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 8, Look::Hexadecimal);
}

/// A file for a size.
#[kexport(gpl, since = "2.6.29", header = "linux/debugfs.h")]
fn debugfs_create_size_t(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 8, Look::Decimal);
}

/// A file for an `unsigned long`.
#[kexport(gpl, since = "4.4", header = "linux/debugfs.h")]
fn debugfs_create_ulong(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 8, Look::Decimal);
}

/// A file for an atomic number.
#[kexport(gpl, since = "3.13", header = "linux/debugfs.h")]
fn debugfs_create_atomic_t(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    value(&name, mode, parent, at, 4, Look::Signed);
}

/// A file for a truth value: `Y` or `N`. What is none is taken and changes nothing, as in Linux.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_create_bool(name: KStr, mode: u16, parent: Entry, at: KPtr) {
    let (reads, writes) = (mode & 0o444 != 0, mode & 0o222 != 0);
    let show = move |_: &crate::fs::Ctx<'_>| {
        if !reads {
            return Err(EINVAL.into());
        }
        Ok(if at.get::<u8>(0)? != 0 { b"Y\n".to_vec() } else { b"N\n".to_vec() })
    };
    let store = move |_: &crate::fs::Ctx<'_>, data: &[u8]| {
        if !writes {
            return Err(EINVAL.into());
        }
        if let Ok(on) = parse_bool(data) {
            at.put(0, u8::from(on))?;
        }
        Ok(data.len())
    };
    made(own(&name, parent, writable(u32::from(mode) & 0o7777, show, store)));
}

/// A file that cannot be written, made when it is read.
fn read_only(mode: u16, show: impl Fn() -> KResult<Vec<u8>> + Send + Sync + 'static) -> Spec {
    writable(u32::from(mode) & 0o444, move |_| show(), |_, _| Err(EINVAL.into()))
}

/// A file for bytes.
///
/// # Errors
/// `EEXIST`; the parent's.
#[kexport(gpl, since = "2.6.16", header = "linux/debugfs.h")]
fn debugfs_create_blob(name: KStr, mode: u16, parent: Entry, blob: KPtr) -> ErrPtr<Dentry> {
    static DATA: Field = Field::new("debugfs_blob_wrapper", "data");
    static SIZE: Field = Field::new("debugfs_blob_wrapper", "size");
    let show = move || KPtr::<()>::new(DATA.get(blob)?).bytes(0, SIZE.get::<u64, _>(blob)? as usize);
    own(&name, parent, read_only(mode, show))
}

/// A file for 32-bit numbers.
#[kexport(gpl, since = "3.4", header = "linux/debugfs.h")]
fn debugfs_create_u32_array(name: KStr, mode: u16, parent: Entry, array: KPtr) {
    static ARRAY: Field = Field::new("debugfs_u32_array", "array");
    static COUNT: Field = Field::new("debugfs_u32_array", "n_elements");
    let show = move || {
        let (numbers, count) = (KPtr::<()>::new(ARRAY.get(array)?), COUNT.get::<u32, _>(array)?);
        let text = |nth| Ok(numbers.get::<u32>(4 * u64::from(nth))?.to_string());
        let texts: Vec<String> = (0..count).map(text).collect::<KResult<_>>()?;
        Ok((texts.join(" ") + "\n").into_bytes())
    };
    made(own(&name, parent, read_only(mode, show)));
}
