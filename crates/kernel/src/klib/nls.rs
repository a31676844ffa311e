//! Character sets of file systems. Counterpart: fs/nls/nls_base.c, include/linux/nls.h.

use crate::mm::owned::{self, Block, Kind};
use kabi::errno::{EBUSY, EILSEQ, EINVAL, EOVERFLOW};
use kabi::{Errno, Field, KPtr, KResult, KStr, c_int, exports, kexport};
use machine::access;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    __register_nls,
    unregister_nls,
    load_nls,
    unload_nls,
    utf8_to_utf32,
    utf32_to_utf8,
    utf8s_to_utf16s,
    utf16s_to_utf8s
];

/// `struct nls_table`.
#[derive(Debug)]
pub struct Table;

static CHARSET: Field = Field::new("nls_table", "charset");
static ALIAS: Field = Field::new("nls_table", "alias");
static OWNER: Field = Field::new("nls_table", "owner");

/// What it is called in reports.
const TABLE: Kind = Kind::Other("character set");

/// Registered tables, the newest last.
static TABLES: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn tables() -> MutexGuard<'static, Vec<u64>> {
    TABLES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a character set.
///
/// # Errors
/// `EBUSY`: it is registered.
#[kexport(since = "3.17", header = "linux/nls.h")]
fn __register_nls(table: KPtr<Table>, owner: KPtr) -> KResult<c_int> {
    let name = access::read_str(CHARSET.get(table)?, 64)?;
    OWNER.put(table, owner.addr())?;
    if !add(table.addr()) {
        return Err(EBUSY.into());
    }
    owned::note(table.addr(), Block::new(TABLE, 0).named(&String::from_utf8_lossy(&name)));
    Ok(0)
}

/// False if it is there.
fn add(table: u64) -> bool {
    let mut tables = tables();
    let free = !tables.contains(&table);
    if free {
        tables.push(table);
    }
    free
}

/// Takes a character set out.
///
/// # Errors
/// `EINVAL`: it is not registered.
#[kexport(since = "2.6.0", header = "linux/nls.h")]
fn unregister_nls(table: KPtr<Table>) -> KResult<c_int> {
    let mut tables = tables();
    let place = tables.iter().position(|t| *t == table.addr()).ok_or(EINVAL)?;
    tables.remove(place);
    drop(tables);
    owned::take(TABLE, table.addr());
    Ok(0)
}

/// A character set by its name or other name, held until it is unloaded; NULL if there is none.
#[kexport(since = "2.6.0", header = "linux/nls.h", partial = "its module is not asked for if it is not there")]
fn load_nls(name: KStr) -> KResult<KPtr<Table>> {
    let known = tables().clone();
    for table in known.into_iter().rev().map(KPtr::<Table>::new) {
        let names = [CHARSET.get::<u64, _>(table)?, ALIAS.get::<u64, _>(table)?];
        let is_it = |at: &u64| *at != 0 && access::read_str(*at, 64).is_ok_and(|text| text == name.as_bytes());
        if names.iter().any(is_it) && hold(table)? {
            return Ok(table);
        }
    }
    Ok(KPtr::NULL)
}

/// Keeps the table's module; false if it goes.
fn hold(table: KPtr<Table>) -> KResult<bool> {
    Ok(super::memory::call_export("try_module_get", &[OWNER.get(table)?])? as u8 != 0)
}

/// Lets a character set go.
#[kexport(since = "2.6.0", header = "linux/nls.h")]
fn unload_nls(table: KPtr<Table>) -> KResult {
    if table.is_null() {
        return Ok(());
    }
    super::memory::call_export("module_put", &[OWNER.get(table)?]).map(|_| ())
}

/// The character at the start of some bytes, and how many it takes.
fn decode(bytes: &[u8]) -> Result<(char, usize), Errno> {
    let first = *bytes.first().ok_or(EOVERFLOW)?;
    let (len, bits) = match first {
        0..=0x7f => return Ok((char::from(first), 1)),
        0xc0..=0xdf => (2, first & 0x1f),
        0xe0..=0xef => (3, first & 0x0f),
        0xf0..=0xf7 => (4, first & 0x07),
        _ => return Err(EILSEQ),
    };
    let mut value = u32::from(bits);
    for i in 1..len {
        let byte = *bytes.get(i).ok_or(EOVERFLOW)?;
        if byte & 0xc0 != 0x80 {
            return Err(EILSEQ);
        }
        value = value << 6 | u32::from(byte & 0x3f);
    }
    let found = char::from_u32(value).filter(|c| c.len_utf8() == len);
    Ok((found.ok_or(EILSEQ)?, len))
}

/// At most `len` bytes of a text, of which a NUL is the last.
fn text(from: KPtr, len: c_int) -> KResult<Vec<u8>> {
    let len = usize::try_from(len).unwrap_or(0);
    let mut bytes = access::read_str(from.addr(), len)?;
    if bytes.len() < len {
        bytes.push(0);
    }
    Ok(bytes)
}

/// Reads a character: how many of at most `len` bytes it takes.
///
/// # Errors
/// `EILSEQ`: these bytes are none. `EOVERFLOW`: it is cut.
#[kexport(since = "2.6.31", header = "linux/nls.h")]
fn utf8_to_utf32(from: KPtr, len: c_int, to: KPtr) -> KResult<c_int> {
    // The first byte tells how many there are; what follows them may be nobody's.
    let all = from.get::<u8>(0)?.leading_ones().max(1) as c_int;
    let bytes = text(from, len.clamp(1, 6).min(all))?;
    let (found, used) = decode(&bytes)?;
    to.put(0, found as u32)?;
    Ok(used as c_int)
}

/// Writes a character into at most `room` bytes; how many it takes.
///
/// # Errors
/// `EILSEQ`: it is none. `EOVERFLOW`: there is no room.
#[kexport(since = "2.6.31", header = "linux/nls.h")]
fn utf32_to_utf8(value: u32, to: KPtr, room: c_int) -> KResult<c_int> {
    if to.is_null() {
        return Ok(0);
    }
    let mut buffer = [0; 4];
    let text = char::from_u32(value).ok_or(EILSEQ)?.encode_utf8(&mut buffer);
    if text.len() > usize::try_from(room).unwrap_or(0) {
        return Err(EOVERFLOW.into());
    }
    access::write(to.addr(), text.as_bytes())?;
    Ok(text.len() as c_int)
}

/// `UTF16_BIG_ENDIAN`: the others are this machine's order.
const BIG: c_int = 2;

fn ordered(unit: u16, endian: c_int) -> u16 {
    if endian == BIG { unit.swap_bytes() } else { unit }
}

/// Turns UTF-8 into UTF-16; how many units were written. What does not fit whole is left out.
///
/// # Errors
/// `EINVAL`: it is no UTF-8.
#[kexport(since = "2.6.31", header = "linux/nls.h")]
fn utf8s_to_utf16s(from: KPtr, len: c_int, endian: c_int, to: KPtr, room: c_int) -> KResult<c_int> {
    let (bytes, room) = (text(from, len)?, usize::try_from(room).unwrap_or(0));
    let (mut at, mut out) = (0, Vec::new());
    while bytes.get(at).is_some_and(|b| *b != 0) {
        let (found, used) = decode(&bytes[at..]).map_err(|_| EINVAL)?;
        if out.len() + found.len_utf16() > room {
            break;
        }
        out.extend(found.encode_utf16(&mut [0; 2]).iter().copied());
        at += used;
    }
    let units: Vec<u8> = out.iter().flat_map(|unit| ordered(*unit, endian).to_le_bytes()).collect();
    access::write(to.addr(), &units)?;
    Ok(out.len() as c_int)
}

/// Turns UTF-16 into UTF-8; how many bytes were written. Half pairs are left out.
#[kexport(since = "2.6.31", header = "linux/nls.h")]
fn utf16s_to_utf8s(from: KPtr, len: c_int, endian: c_int, to: KPtr, room: c_int) -> KResult<c_int> {
    let mut units = Vec::new();
    for at in 0..u64::try_from(len).unwrap_or(0) {
        match from.get::<u16>(2 * at)? {
            0 => break,
            unit => units.push(ordered(unit, endian)),
        }
    }
    let mut out = Vec::new();
    for found in char::decode_utf16(units).flatten() {
        let mut buffer = [0; 4];
        let text = found.encode_utf8(&mut buffer);
        if out.len() + text.len() > usize::try_from(room).unwrap_or(0) {
            break;
        }
        out.extend_from_slice(text.as_bytes());
    }
    access::write(to.addr(), &out)?;
    Ok(out.len() as c_int)
}

#[test]
fn characters_are_whole_or_refused() {
    assert_eq!(decode("ä!".as_bytes()), Ok(('ä', 2)));
    assert_eq!(decode("😀".as_bytes()), Ok(('😀', 4)));
    assert_eq!(decode(&[0xc3]), Err(EOVERFLOW));
    assert_eq!(decode(&[0xc0, 0x80]), Err(EILSEQ));
    assert_eq!(decode(&[0xed, 0xa0, 0x80]), Err(EILSEQ));
    assert_eq!(decode(&[0x80]), Err(EILSEQ));
}
