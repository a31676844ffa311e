//! `vbin_printf` and `bstr_printf`: arguments stored now, printed later (`trace_printk` and kin).
//!
//! The record is the kernel's: integers at their natural alignment (8-byte ones at 4), strings with their NUL, and
//! pointers that must be followed already printed.

use super::ctype::is_alnum;
use super::decode::{Conversion, IntType, Spec, Star, byte_at, check_star, conversion};
use super::env::{Args, Env, Fault};
use super::out::Out;
use super::string::check_pointer;
use super::{Printer, Source, run, skip_suffix};

/// Whether this `%p` is stored as a value, because printing it follows no pointer.
fn stored_as_value(suffix: &[u8]) -> bool {
    let c = byte_at(suffix, 0);
    matches!(c, b'S' | b's' | b'x' | b'K' | b'e') || !is_alnum(c)
}

/// A record being written: its bytes, and how far it would reach.
struct Record {
    bytes: Vec<u8>,
    pos: usize,
}

impl Record {
    fn int(&mut self, kind: IntType, slot: u64) {
        let size = kind.size();
        let start = self.pos.next_multiple_of(size.min(4));
        if let Some(place) = self.bytes.get_mut(start..start + size) {
            place.copy_from_slice(&slot.to_le_bytes()[..size]);
        }
        self.pos = start + size;
    }

    /// A string and its NUL. One that ends exactly at the end of the buffer does not fit.
    fn string(&mut self, text: &[u8]) {
        let end = self.pos + text.len() + 1;
        if end < self.bytes.len() {
            self.bytes[self.pos..end - 1].copy_from_slice(text);
            self.bytes[end - 1] = 0;
        }
        self.pos = end;
    }

    /// A printed pointer: what fits of it, and a NUL.
    fn printed(&mut self, text: &[u8], len: usize) {
        if let Some(place) = self.bytes.get_mut(self.pos..self.pos + text.len()) {
            place.copy_from_slice(text);
        }
        self.pos = self.pos.saturating_add(len);
        if self.pos + 1 < self.bytes.len() {
            self.bytes[self.pos] = 0;
            self.pos += 1;
        } else if let Some(last) = self.bytes.last_mut() {
            *last = 0;
        }
    }
}

/// Stores the arguments of `fmt` in a record of at most `words` 32-bit words. Returns the record (of exactly that size)
/// and how many words it needs; when that is more than `words`, the record is not usable.
///
/// # Errors
/// [`Fault`] as for [`vsnprintf`](super::vsnprintf).
pub fn vbin_printf(env: &dyn Env, words: usize, fmt: &[u8], args: &mut dyn Args) -> Result<(Vec<u8>, usize), Fault> {
    let mut record = Record { bytes: vec![0; words.saturating_mul(4)], pos: 0 };
    let mut pos = 0;
    while let Some(percent) = fmt.get(pos..).and_then(|rest| rest.iter().position(|&b| b == b'%')) {
        let mut star = |which, next| {
            let value = args.next_slot()? as i32;
            record.int(IntType::I32, value as u64);
            Ok(if which == Star::Width && next == b'p' { check_star(env, which, value) } else { -1 })
        };
        let (conversion, spec, next) = conversion(fmt, pos + percent, &mut star)?;
        pos = next;
        match conversion {
            Conversion::Percent => {}
            Conversion::Invalid(c) => {
                env.warn_once(super::FormatWarning::Unsupported(c));
                break;
            }
            Conversion::Char => record.int(IntType::Char, args.next_slot()?),
            Conversion::Int(kind) => record.int(kind, args.next_slot()?),
            Conversion::Str => store_string(env, &mut record, args.next_slot()?)?,
            Conversion::Pointer => {
                let suffix = fmt.get(pos..).unwrap_or_default();
                store_pointer(env, &mut record, suffix, args.next_slot()?, spec)?;
                pos = skip_suffix(fmt, pos);
            }
        }
    }
    Ok((record.bytes, record.pos.div_ceil(4)))
}

fn store_string(env: &dyn Env, record: &mut Record, addr: u64) -> Result<(), Fault> {
    let mut text = Vec::new();
    match check_pointer(addr) {
        Some(message) => text.extend_from_slice(message.as_bytes()),
        None => env.read_str(addr, usize::MAX, &mut text)?,
    }
    record.string(&text);
    Ok(())
}

fn store_pointer(env: &dyn Env, record: &mut Record, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
    if stored_as_value(suffix) {
        record.int(IntType::Long, addr);
        return Ok(());
    }
    let mut text = Vec::new();
    let room = record.bytes.len().saturating_sub(record.pos);
    let mut printer = Printer { env, out: Out::new(&mut text, room), depth: 0 };
    printer.pointer(suffix, addr, spec)?;
    let len = printer.out.len();
    record.printed(&text, len);
    Ok(())
}

/// A record as the source of arguments.
struct RecordReader<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> RecordReader<'a> {
    fn string_bytes(&mut self) -> Result<&'a [u8], Fault> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        let len = rest.iter().position(|&b| b == 0).ok_or(Fault::Access(self.pos as u64))?;
        self.pos += len + 1;
        Ok(&rest[..len])
    }
}

impl Source for RecordReader<'_> {
    fn int(&mut self, kind: IntType) -> Result<u64, Fault> {
        let size = kind.size();
        let start = self.pos.next_multiple_of(size.min(4));
        let bytes = self.bytes.get(start..start + size).ok_or(Fault::Access(start as u64))?;
        self.pos = start + size;
        Ok(kind.convert(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))))
    }

    fn string(&mut self, printer: &mut Printer<'_, '_>, spec: Spec) -> Result<(), Fault> {
        printer.text(self.string_bytes()?, spec);
        Ok(())
    }

    /// DIFFERS: a printed pointer is skipped also when the output is full; the kernel then loses its place.
    fn pointer(&mut self, printer: &mut Printer<'_, '_>, suffix: &[u8], spec: Spec) -> Result<(), Fault> {
        if stored_as_value(suffix) {
            let addr = self.int(IntType::Long)?;
            return printer.pointer(suffix, addr, spec);
        }
        printer.out.extend(self.string_bytes()?);
        Ok(())
    }
}

/// Prints `fmt` with the arguments that [`vbin_printf`] stored; the rest is as for [`vsnprintf`](super::vsnprintf).
///
/// # Errors
/// [`Fault`] when the record ends too early (its address is then an offset in the record).
pub fn bstr_printf(env: &dyn Env, buf: &mut Vec<u8>, size: usize, fmt: &[u8], record: &[u8]) -> Result<usize, Fault> {
    run(env, buf, size, fmt, &mut RecordReader { bytes: record, pos: 0 })
}
