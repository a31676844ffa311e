//! Numbers at the start of strings, and numbers that a program passes. Counterpart: `simple_strto*` of lib/vsprintf.c,
//! `kstrto*_from_user` of lib/kstrtox.c.

use super::kstrtox::{parse_bool, parse_signed, parse_unsigned};
use super::memory;
use super::vsprintf::{simple_strtoll as signed, simple_strtoull as unsigned};
use kabi::errno::ERANGE;
use kabi::{KPtr, KResult, Out, c_int, c_long, c_uint, c_ulong, exports, kexport};
use machine::access;

exports![
    simple_strtoull,
    simple_strtoul,
    simple_strtoll,
    simple_strtol,
    kstrtoull_from_user,
    kstrtoll_from_user,
    kstrtoul_from_user,
    kstrtol_from_user,
    kstrtouint_from_user,
    kstrtoint_from_user,
    kstrtou16_from_user,
    kstrtos16_from_user,
    kstrtou8_from_user,
    kstrtos8_from_user,
    kstrtobool_from_user
];

type Chars = KPtr<u8>;

/// Reads the string, tells where its number ends.
fn at_start<T>(s: Chars, end: KPtr, read: impl Fn(&[u8]) -> (T, usize)) -> KResult<T> {
    let (value, used) = read(&access::read_str(s.addr(), usize::MAX >> 1)?);
    if !end.is_null() {
        end.put(0, s.addr() + used as u64)?;
    }
    Ok(value)
}

/// The number at the start of a string; `*end` gets the place behind it. Too large a number wraps around.
#[kexport(since = "2.6.0", header = "linux/kstrtox.h")]
fn simple_strtoull(s: Chars, end: KPtr, base: c_uint) -> KResult<u64> {
    at_start(s, end, |text| unsigned(text, base))
}

/// [`simple_strtoull`] for an `unsigned long`.
#[kexport(since = "2.6.0", header = "linux/kstrtox.h")]
fn simple_strtoul(s: Chars, end: KPtr, base: c_uint) -> KResult<c_ulong> {
    simple_strtoull(s, end, base)
}

/// [`simple_strtoull`] with a minus sign in front.
#[kexport(since = "2.6.0", header = "linux/kstrtox.h")]
fn simple_strtoll(s: Chars, end: KPtr, base: c_uint) -> KResult<i64> {
    at_start(s, end, |text| signed(text, base))
}

/// [`simple_strtoll`] for a `long`.
#[kexport(since = "2.6.0", header = "linux/kstrtox.h")]
fn simple_strtol(s: Chars, end: KPtr, base: c_uint) -> KResult<c_long> {
    simple_strtoll(s, end, base)
}

/// At most `limit` bytes of what a program passes, up to a NUL.
fn from_user(from: KPtr, count: usize, limit: usize) -> KResult<Vec<u8>> {
    let bytes = memory::from_user(from, count.min(limit))?;
    Ok(bytes.split(|b| *b == 0).next().unwrap_or_default().to_vec())
}

macro_rules! from_user {
    ($name:ident, $t:ty, $parse:ident, $what:literal) => {
        #[doc = concat!("Converts all of what a program passes (at most one newline behind it) to ", $what, ".")]
        ///
        /// # Errors
        /// `EFAULT`; `EINVAL`: no digits, or bytes left over; `ERANGE`: too large.
        #[kexport(since = "2.6.39", header = "linux/kstrtox.h")]
        fn $name(from: KPtr, count: usize, base: c_uint, out: Out<$t>) -> KResult {
            // A sign, as many digits as there are bits, a newline.
            let text = from_user(from, count, 1 + size_of::<$t>() * 8 + 1)?;
            out.set(<$t>::try_from($parse(&text, base)?).map_err(|_| ERANGE)?)
        }
    };
}

from_user!(kstrtoull_from_user, u64, parse_unsigned, "an `unsigned long long`");
from_user!(kstrtoll_from_user, i64, parse_signed, "a `long long`");
from_user!(kstrtoul_from_user, c_ulong, parse_unsigned, "an `unsigned long`");
from_user!(kstrtol_from_user, c_long, parse_signed, "a `long`");
from_user!(kstrtouint_from_user, c_uint, parse_unsigned, "an `unsigned int`");
from_user!(kstrtoint_from_user, c_int, parse_signed, "an `int`");
from_user!(kstrtou16_from_user, u16, parse_unsigned, "a `u16`");
from_user!(kstrtos16_from_user, i16, parse_signed, "an `s16`");
from_user!(kstrtou8_from_user, u8, parse_unsigned, "a `u8`");
from_user!(kstrtos8_from_user, i8, parse_signed, "an `s8`");

/// Converts a word that a program passes to a truth value: y, 1, on; n, 0, off.
///
/// # Errors
/// `EFAULT`; `EINVAL` for anything else.
#[kexport(since = "4.6", header = "linux/kstrtox.h")]
fn kstrtobool_from_user(from: KPtr, count: usize, out: Out<u8>) -> KResult {
    out.set(parse_bool(&from_user(from, count, 3)?)?.into())
}
