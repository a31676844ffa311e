//! Splits a format into text and conversions (`format_decode()` in `lib/vsprintf.c`).

use super::env::{Env, Fault, FormatWarning};

/// Flags, width, precision and base of one conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    /// Field width; negative: none was given.
    pub(super) width: i32,
    /// Precision; negative: none was given.
    pub(super) precision: i32,
    /// 8, 10 or 16.
    pub(super) base: u8,
    /// The bits below.
    pub(super) flags: u8,
}

impl Spec {
    pub(super) const SIGN: u8 = 1;
    pub(super) const LEFT: u8 = 2;
    pub(super) const PLUS: u8 = 4;
    pub(super) const SPACE: u8 = 8;
    pub(super) const ZEROPAD: u8 = 16;
    /// Lower case digits.
    pub(super) const SMALL: u8 = 32;
    /// `0x` or `0` in front.
    pub(super) const SPECIAL: u8 = 64;

    /// Decimal without width.
    pub(super) const DEC: Spec = Spec { width: -1, precision: -1, base: 10, flags: 0 };
    /// Lower case hexadecimal without width.
    pub(super) const HEX: Spec = Spec { width: -1, precision: -1, base: 16, flags: Spec::SMALL };
    /// Hexadecimal with `0x`, as unnamed flags are shown.
    pub(super) const FLAGS: Spec = Spec { width: -1, precision: -1, base: 16, flags: Spec::SMALL | Spec::SPECIAL };

    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Decimal, padded with zeros to `width`.
    pub(super) fn dec_zero(width: i32) -> Spec {
        Spec { width, flags: Spec::ZEROPAD, ..Spec::DEC }
    }
}

/// The C type of an integer argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntType {
    /// `char` of `%c`.
    Char,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    /// `long`, `long long`, `size_t`, `ptrdiff_t`, signed or not.
    Long,
}

impl IntType {
    /// Its size in bytes.
    pub(super) fn size(self) -> usize {
        match self {
            IntType::Char | IntType::I8 | IntType::U8 => 1,
            IntType::I16 | IntType::U16 => 2,
            IntType::I32 | IntType::U32 => 4,
            IntType::Long => 8,
        }
    }

    /// A slot's value as this type, widened again the way C widens it.
    pub(super) fn convert(self, slot: u64) -> u64 {
        match self {
            IntType::Char | IntType::U8 => u64::from(slot as u8),
            IntType::I8 => slot as i8 as u64,
            IntType::I16 => slot as i16 as u64,
            IntType::U16 => u64::from(slot as u16),
            IntType::I32 => slot as i32 as u64,
            IntType::U32 => u64::from(slot as u32),
            IntType::Long => slot,
        }
    }
}

/// What a `*` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Star {
    Width,
    Precision,
}

/// A conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    Char,
    Str,
    Pointer,
    Percent,
    Int(IntType),
    /// Not known; its character. Nothing behind it can be trusted.
    Invalid(u8),
}

/// The byte at `pos`, or 0 behind the end, where C finds the terminator.
pub(super) fn byte_at(fmt: &[u8], pos: usize) -> u8 {
    fmt.get(pos).copied().unwrap_or(0)
}

/// Decodes the conversion whose `%` is at `pos`. `star` gives the argument of a `*`, told which one it is and what follows.
/// Returns where the format goes on.
pub(super) fn conversion(
    fmt: &[u8],
    mut pos: usize,
    star: &mut dyn FnMut(Star, u8) -> Result<i32, Fault>,
) -> Result<(Conversion, Spec, usize), Fault> {
    let mut spec = Spec { base: 10, ..Spec::DEC };
    pos += 1;
    while let Some(flag) = flag(byte_at(fmt, pos)) {
        spec.flags |= flag;
        pos += 1;
    }
    width(fmt, &mut pos, &mut spec, star)?;
    precision(fmt, &mut pos, &mut spec, star)?;
    let qualifier = qualifier(fmt, &mut pos);
    let conversion = match byte_at(fmt, pos) {
        b'c' => Conversion::Char,
        b's' => Conversion::Str,
        b'p' => Conversion::Pointer,
        b'%' => Conversion::Percent,
        c @ (b'o' | b'x' | b'X' | b'd' | b'i' | b'u') => Conversion::Int(integer(c, qualifier, &mut spec)),
        c => return Ok((Conversion::Invalid(c), spec, pos)),
    };
    Ok((conversion, spec, pos + 1))
}

fn flag(c: u8) -> Option<u8> {
    Some(match c {
        b'-' => Spec::LEFT,
        b'+' => Spec::PLUS,
        b' ' => Spec::SPACE,
        b'#' => Spec::SPECIAL,
        b'0' => Spec::ZEROPAD,
        _ => return None,
    })
}

fn width(
    fmt: &[u8],
    pos: &mut usize,
    spec: &mut Spec,
    star: &mut dyn FnMut(Star, u8) -> Result<i32, Fault>,
) -> Result<(), Fault> {
    let c = byte_at(fmt, *pos);
    if c.is_ascii_digit() {
        // The kernel keeps 24 bits of a written width and does not look at the rest.
        spec.width = skip_number(fmt, pos) << 8 >> 8;
    } else if c == b'*' {
        *pos += 1;
        spec.width = star(Star::Width, byte_at(fmt, *pos))?;
        if spec.width < 0 {
            // 24 bits again: the negative of the smallest value is itself.
            spec.width = spec.width.wrapping_neg() << 8 >> 8;
            spec.flags |= Spec::LEFT;
        }
    }
    Ok(())
}

fn precision(
    fmt: &[u8],
    pos: &mut usize,
    spec: &mut Spec,
    star: &mut dyn FnMut(Star, u8) -> Result<i32, Fault>,
) -> Result<(), Fault> {
    if byte_at(fmt, *pos) != b'.' {
        return Ok(());
    }
    *pos += 1;
    let c = byte_at(fmt, *pos);
    if c.is_ascii_digit() {
        spec.precision = i32::from(skip_number(fmt, pos) as i16).max(0);
    } else if c == b'*' {
        *pos += 1;
        // Unlike C, a negative precision is 0, not "none".
        spec.precision = star(Star::Precision, byte_at(fmt, *pos))?.max(0);
    }
    Ok(())
}

/// `h`, `H` for `hh`, `l`, `L` for `ll` and `L`, `z`, `t`, or 0.
fn qualifier(fmt: &[u8], pos: &mut usize) -> u8 {
    let c = byte_at(fmt, *pos);
    if !matches!(c, b'h' | b'l' | b'L' | b'z' | b't') {
        return 0;
    }
    *pos += 1;
    if byte_at(fmt, *pos) == c && matches!(c, b'h' | b'l') {
        *pos += 1;
        return c.to_ascii_uppercase();
    }
    c
}

fn integer(c: u8, qualifier: u8, spec: &mut Spec) -> IntType {
    match c {
        b'o' => spec.base = 8,
        b'X' => spec.base = 16,
        b'x' => {
            spec.base = 16;
            spec.flags |= Spec::SMALL;
        }
        b'u' => {}
        _ => spec.flags |= Spec::SIGN,
    }
    match (qualifier, spec.has(Spec::SIGN)) {
        (b'l' | b'L' | b'z' | b't', _) => IntType::Long,
        (b'H', true) => IntType::I8,
        (b'H', false) => IntType::U8,
        (b'h', true) => IntType::I16,
        (b'h', false) => IntType::U16,
        (_, true) => IntType::I32,
        (_, false) => IntType::U32,
    }
}

/// Reads digits; a number too large wraps around as the kernel's does.
pub(super) fn skip_number(fmt: &[u8], pos: &mut usize) -> i32 {
    let mut value = 0i32;
    while let c @ b'0'..=b'9' = byte_at(fmt, *pos) {
        value = value.wrapping_mul(10).wrapping_add(i32::from(c - b'0'));
        *pos += 1;
    }
    value
}

const WIDTH_MAX: i32 = (1 << 23) - 1;
const PRECISION_MAX: i32 = (1 << 15) - 1;

/// Checks the argument of a `*` and brings it into range.
pub(super) fn check_star(env: &dyn Env, star: Star, value: i32) -> i32 {
    match star {
        Star::Width if !(-WIDTH_MAX - 1..=WIDTH_MAX).contains(&value) => {
            env.warn_once(FormatWarning::Width(value));
            value.clamp(-WIDTH_MAX, WIDTH_MAX)
        }
        Star::Precision if !(-PRECISION_MAX - 1..=PRECISION_MAX).contains(&value) => {
            env.warn_once(FormatWarning::Precision(value));
            value.clamp(0, PRECISION_MAX)
        }
        _ => value,
    }
}
