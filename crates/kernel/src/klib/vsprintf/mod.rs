//! The format language of the kernel's `printk`, `snprintf` and kin: `lib/vsprintf.c`, described for authors of modules in
//! `Documentation/core-api/printk-formats.rst`.
//!
//! It follows the kernel's own rules where they differ from C's (a negative precision is 0, `%.0d` of zero prints `0`,
//! `%p` prints a hashed id, ...). One file per kind of conversion: `number`, `string`, `pointer` (plain pointers and the
//! dispatch of `%p` extensions), `symbol`, `resource`, `net`, `bytes`, `time`, `flags`, `object`; `binary` is
//! `vbin_printf` and `bstr_printf`, `scan` is `vsscanf`. All memory is read through [`Env`], all arguments through
//! [`Args`], so there is no unsafe code and no C type here.

mod binary;
mod bytes;
mod ctype;
mod decode;
mod env;
mod errname;
mod flags;
mod flags_tables;
mod hash;
mod net;
mod number;
mod object;
mod out;
mod pointer;
mod resource;
mod scan;
mod string;
mod symbol;
mod time;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;

pub use binary::{bstr_printf, vbin_printf};
pub use env::{Args, Env, Fault, FormatWarning, KptrAccess, SliceArgs, Symbol, VaList};
pub use errname::errname;
pub use hash::PointerHash;
pub use scan::{Memory, simple_strtoll, simple_strtoull, vsscanf};
pub use symbol::{SymbolStyle, sprint_symbol};

use decode::{Conversion, IntType, Spec, byte_at, check_star, conversion};
use out::Out;

/// `%pV` inside of `%pV` deeper than this is a `va_format` that contains itself.
const MAX_DEPTH: u32 = 16;

/// The largest buffer size that is taken seriously (`INT_MAX`).
const SIZE_MAX: usize = i32::MAX as usize;

/// Formats `fmt` (without its terminator) into a buffer of `size` bytes and returns the length of the whole text.
///
/// Appends to `buf` what the C buffer would hold in front of its terminating NUL: at most `size - 1` bytes. A size above
/// `INT_MAX` is reported and gives nothing, length 0.
///
/// # Errors
/// [`Fault`] where the real kernel would have oopsed: a wild pointer, or arguments that cannot be read. `buf` then holds
/// the text up to there.
pub fn vsnprintf(
    env: &dyn Env,
    buf: &mut Vec<u8>,
    size: usize,
    fmt: &[u8],
    args: &mut dyn Args,
) -> Result<usize, Fault> {
    run(env, buf, size, fmt, &mut Slots(args))
}

/// [`vsnprintf`], but returns how many bytes were written (C's `vscnprintf`).
///
/// # Errors
/// As [`vsnprintf`].
pub fn vscnprintf(
    env: &dyn Env,
    buf: &mut Vec<u8>,
    size: usize,
    fmt: &[u8],
    args: &mut dyn Args,
) -> Result<usize, Fault> {
    vsnprintf(env, buf, size, fmt, args).map(|len| len.min(size.saturating_sub(1)))
}

fn run(env: &dyn Env, buf: &mut Vec<u8>, size: usize, fmt: &[u8], source: &mut dyn Source) -> Result<usize, Fault> {
    if size > SIZE_MAX {
        env.warn_once(FormatWarning::Size(size as u64));
        return Ok(0);
    }
    let mut printer = Printer { env, out: Out::new(buf, size.saturating_sub(1)), depth: 0 };
    printer.format(fmt, source)?;
    Ok(printer.out.len())
}

/// Where the arguments of the conversions come from: a `va_list`, or the binary record of `vbin_printf`.
trait Source {
    /// An integer of this type, widened.
    fn int(&mut self, kind: IntType) -> Result<u64, Fault>;

    /// Prints the argument of `%s`.
    fn string(&mut self, printer: &mut Printer<'_, '_>, spec: Spec) -> Result<(), Fault>;

    /// Prints the argument of `%p`; `suffix` starts behind the `p`.
    fn pointer(&mut self, printer: &mut Printer<'_, '_>, suffix: &[u8], spec: Spec) -> Result<(), Fault>;
}

/// Plain variable arguments.
struct Slots<'a>(&'a mut dyn Args);

impl Source for Slots<'_> {
    fn int(&mut self, kind: IntType) -> Result<u64, Fault> {
        self.0.next_slot().map(|slot| kind.convert(slot))
    }

    fn string(&mut self, printer: &mut Printer<'_, '_>, spec: Spec) -> Result<(), Fault> {
        let addr = self.0.next_slot()?;
        printer.string(addr, spec)
    }

    fn pointer(&mut self, printer: &mut Printer<'_, '_>, suffix: &[u8], spec: Spec) -> Result<(), Fault> {
        let addr = self.0.next_slot()?;
        printer.pointer(suffix, addr, spec)
    }
}

/// One run of a format. The conversions are methods of it, in the file of their kind.
struct Printer<'e, 'o> {
    env: &'e dyn Env,
    out: Out<'o>,
    depth: u32,
}

impl Printer<'_, '_> {
    fn format(&mut self, fmt: &[u8], source: &mut dyn Source) -> Result<(), Fault> {
        let mut pos = 0;
        while pos < fmt.len() {
            let text = &fmt[pos..];
            let plain = text.iter().position(|&b| b == b'%').unwrap_or(text.len());
            self.out.extend(&text[..plain]);
            pos += plain;
            if pos == fmt.len() {
                break;
            }
            let env = self.env;
            let mut star = |which, _next| Ok(check_star(env, which, source.int(IntType::I32)? as i32));
            let (conversion, spec, next) = conversion(fmt, pos, &mut star)?;
            pos = next;
            match conversion {
                Conversion::Char => self.char(source.int(IntType::Char)? as u8, spec),
                Conversion::Str => source.string(self, spec)?,
                Conversion::Pointer => {
                    source.pointer(self, fmt.get(pos..).unwrap_or_default(), spec)?;
                    pos = skip_suffix(fmt, pos);
                }
                Conversion::Percent => self.out.push(b'%'),
                Conversion::Int(kind) => number::number(&mut self.out, source.int(kind)?, spec),
                Conversion::Invalid(c) => {
                    self.env.warn_once(FormatWarning::Unsupported(c));
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Behind the letters and digits that follow a `%p`.
fn skip_suffix(fmt: &[u8], mut pos: usize) -> usize {
    while ctype::is_alnum(byte_at(fmt, pos)) {
        pos += 1;
    }
    pos
}
