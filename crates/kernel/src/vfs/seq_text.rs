//! What records are written with. Counterpart: fs/seq_file.c (`seq_printf` and what follows).

use super::seq_file::{Seq, SeqFile};
use crate::env;
use crate::klib::hexdump_lines::{dump_line, rows};
use crate::klib::string_escape::escape;
use kabi::{KPtr, KResult, KStr, VaList, VarArgs, c_int, c_uint, exports, kexport};

exports![
    seq_printf,
    seq_vprintf,
    seq_puts,
    seq_putc,
    seq_write,
    seq_put_decimal_ull,
    seq_put_decimal_ull_width,
    seq_put_decimal_ll,
    seq_escape_mem,
    seq_hex_dump,
    seq_pad
];

type File = KPtr<SeqFile>;

fn format(file: File, fmt: KPtr, args: VaList) -> KResult {
    let text = env::format(fmt.addr(), args)?;
    // The formatter of the kernel wants room for a NUL, too.
    Seq(file).add(&text, 1).map(drop)
}

/// Formats to the record.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_printf(file: File, fmt: KPtr, args: VarArgs) -> KResult {
    format(file, fmt, args.0)
}

/// [`seq_printf`] with a list of arguments.
#[kexport(since = "3.6", header = "linux/seq_file.h")]
fn seq_vprintf(file: File, fmt: KPtr, args: VaList) -> KResult {
    format(file, fmt, args)
}

/// Adds a string to the record.
#[kexport(since = "2.4.15", header = "linux/seq_file.h", symbol = "__seq_puts")]
fn seq_puts(file: File, text: KStr) -> KResult {
    Seq(file).add(text.as_bytes(), 0).map(drop)
}

/// Adds a character to the record.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_putc(file: File, c: u8) -> KResult {
    let seq = Seq(file);
    // Unlike the others it leaves a full buffer as it is: that is an overflow already.
    if seq.room()? == 0 { Ok(()) } else { seq.add(&[c], 0).map(drop) }
}

/// Adds bytes to the record; -1 if they do not fit.
#[kexport(since = "2.6.27", header = "linux/seq_file.h")]
fn seq_write(file: File, bytes: KPtr, len: usize) -> KResult<c_int> {
    Ok(if Seq(file).add(&bytes.bytes(0, len)?, 0)? { 0 } else { -1 })
}

/// Adds a text and a number, each only if there is room for it and more.
fn decimal(file: File, before: Option<KStr>, number: &str) -> KResult {
    let seq = Seq(file);
    let before = before.unwrap_or_default();
    if seq.room()? < before.as_bytes().len() + 2 {
        return seq.overflow();
    }
    if !seq.add(before.as_bytes(), 0)? {
        return Ok(());
    }
    seq.add(number.as_bytes(), usize::from(number.len() > 1)).map(drop)
}

/// Adds a text and a number.
#[kexport(since = "2.6.0", header = "linux/seq_file.h")]
fn seq_put_decimal_ull(file: File, before: Option<KStr>, number: u64) -> KResult {
    decimal(file, before, &number.to_string())
}

/// [`seq_put_decimal_ull`] with at least `width` digits or spaces.
#[kexport(since = "4.19", header = "linux/seq_file.h")]
fn seq_put_decimal_ull_width(file: File, before: Option<KStr>, number: u64, width: c_uint) -> KResult {
    decimal(file, before, &format!("{number:>width$}", width = width.min(20) as usize))
}

/// Adds a text and a number with a sign.
#[kexport(since = "2.6.0", header = "linux/seq_file.h")]
fn seq_put_decimal_ll(file: File, before: Option<KStr>, number: i64) -> KResult {
    decimal(file, before, &number.to_string())
}

/// Adds bytes, some of them escaped.
#[kexport(since = "5.14", header = "linux/seq_file.h")]
fn seq_escape_mem(file: File, from: KPtr, len: usize, flags: c_uint, only: Option<KStr>) -> KResult {
    let only = only.unwrap_or_default();
    let text: Vec<u8> = from.bytes(0, len)?.into_iter().flat_map(|b| escape(b, flags, only.as_bytes())).collect();
    Seq(file).add(&text, 1).map(drop)
}

/// Adds memory as rows of hexadecimal digits.
#[kexport(since = "4.3", header = "linux/seq_file.h")]
#[allow(clippy::too_many_arguments, reason = "they are Linux's")]
fn seq_hex_dump(
    file: File,
    before: KStr,
    prefix: c_int,
    row: c_int,
    group: c_int,
    from: KPtr,
    len: usize,
    ascii: bool,
) -> KResult {
    let bytes = from.bytes(0, len)?;
    for (at, text) in rows(&bytes, row, group, ascii) {
        let line = dump_line(&before, prefix, from.addr(), (at, &text))?;
        if !Seq(file).add(&line, 0)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Pads to the width that `seq_setwidth` wanted, and adds a character.
#[kexport(since = "3.12", header = "linux/seq_file.h")]
fn seq_pad(file: File, c: u8) -> KResult {
    let seq = Seq(file);
    let spaces = seq.missing_width()?;
    if !seq.add(&vec![b' '; spaces.min(seq.room()? + 1)], 0)? {
        return Ok(());
    }
    if c == 0 { Ok(()) } else { seq_putc(file, c) }
}
