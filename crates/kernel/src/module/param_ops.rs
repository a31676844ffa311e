//! The types of parameters. Counterpart: kernel/params.c (`STANDARD_PARAM_DEF` and what follows it).

use super::params::{ARG, KernelParam, name_of, with_arg};
use super::symbols;
use crate::klib::kstrtox::{parse_bool, parse_signed, parse_unsigned};
use crate::log;
use kabi::errno::{EINVAL, ENOSPC};
use kabi::{DataExport, DataSize, Field, KError, KPtr, KResult, KStr, exports, kexport};
use machine::{access, heap};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

exports![
    param_set_byte,
    param_get_byte,
    param_set_short,
    param_get_short,
    param_set_ushort,
    param_get_ushort,
    param_set_int,
    param_get_int,
    param_set_uint,
    param_get_uint,
    param_set_long,
    param_get_long,
    param_set_ulong,
    param_get_ulong,
    param_set_ullong,
    param_get_ullong,
    param_set_hexint,
    param_get_hexint,
    param_set_uint_minmax,
    param_set_bool,
    param_get_bool,
    param_set_bool_enable_only,
    param_set_invbool,
    param_get_invbool,
    param_set_bint,
    param_set_charp,
    param_get_charp,
    param_free_charp,
    param_set_copystring,
    param_get_string,
    param_array_set,
    param_array_get,
    param_array_free
];

type Entry = KPtr<KernelParam>;

/// Bytes of the buffer that a getter writes to.
const PAGE: usize = 4096;
/// Longest string that `charp` takes.
const LONGEST: usize = 1024;

static ARRAY_MAX: Field = Field::new("kparam_array", "max");
static ARRAY_ELEMSIZE: Field = Field::new("kparam_array", "elemsize");
static ARRAY_NUM: Field = Field::new("kparam_array", "num");
static ARRAY_OPS: Field = Field::new("kparam_array", "ops");
static ARRAY_ELEM: Field = Field::new("kparam_array", "elem");
static STRING_MAXLEN: Field = Field::new("kparam_string", "maxlen");
static STRING_STRING: Field = Field::new("kparam_string", "string");
static OPS_SET: Field = Field::new("kernel_param_ops", "set");
static OPS_GET: Field = Field::new("kernel_param_ops", "get");
static OPS_FREE: Field = Field::new("kernel_param_ops", "free");

/// Strings that lkm keeps for `charp` parameters: address to bytes.
static STRINGS: Mutex<Option<HashMap<u64, usize>>> = Mutex::new(None);

fn arg(entry: Entry) -> KResult<KPtr> {
    Ok(KPtr::new(ARG.get(entry)?))
}

/// Writes a getter's text with its newline, as much as a page holds; returns the length as C's `int`.
fn show(buffer: KPtr, text: impl AsRef<[u8]>) -> KResult<i32> {
    let mut bytes = [text.as_ref(), b"\n"].concat();
    bytes.truncate(PAGE - 1);
    let len = bytes.len() as i32;
    bytes.push(0);
    access::write(buffer.addr(), &bytes)?;
    Ok(len)
}

macro_rules! unsigned {
    ($set:ident, $get:ident, $t:ty, $what:literal, $form:literal) => {
        #[doc = concat!("Sets ", $what, ".")]
        #[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
        fn $set(value: KStr, entry: Entry) -> KResult {
            let value = <$t>::try_from(parse_unsigned(value.as_bytes(), 0)?).map_err(|_| kabi::errno::ERANGE)?;
            arg(entry)?.put(0, value)
        }

        #[doc = concat!("Shows ", $what, ".")]
        #[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
        fn $get(buffer: KPtr, entry: Entry) -> KResult<i32> {
            show(buffer, format!($form, arg(entry)?.get::<$t>(0)?))
        }
    };
}

macro_rules! signed {
    ($set:ident, $get:ident, $t:ty, $what:literal) => {
        #[doc = concat!("Sets ", $what, ".")]
        #[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
        fn $set(value: KStr, entry: Entry) -> KResult {
            let value = <$t>::try_from(parse_signed(value.as_bytes(), 0)?).map_err(|_| kabi::errno::ERANGE)?;
            arg(entry)?.put(0, value)
        }

        #[doc = concat!("Shows ", $what, ".")]
        #[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
        fn $get(buffer: KPtr, entry: Entry) -> KResult<i32> {
            show(buffer, arg(entry)?.get::<$t>(0)?.to_string())
        }
    };
}

unsigned!(param_set_byte, param_get_byte, u8, "an unsigned byte", "{}");
signed!(param_set_short, param_get_short, i16, "a short");
unsigned!(param_set_ushort, param_get_ushort, u16, "an unsigned short", "{}");
signed!(param_set_int, param_get_int, i32, "an int");
unsigned!(param_set_uint, param_get_uint, u32, "an unsigned int", "{}");
signed!(param_set_long, param_get_long, i64, "a long");
unsigned!(param_set_ulong, param_get_ulong, u64, "an unsigned long", "{}");
unsigned!(param_set_ullong, param_get_ullong, u64, "an unsigned long long", "{}");
unsigned!(param_set_hexint, param_get_hexint, u32, "an unsigned int in hexadecimal", "{:#08x}");

/// Sets an unsigned int that must lie between two bounds.
#[kexport(since = "5.15", header = "linux/moduleparam.h", gpl)]
fn param_set_uint_minmax(value: KStr, entry: Entry, min: u32, max: u32) -> KResult {
    let value = u32::try_from(parse_unsigned(value.as_bytes(), 0)?).map_err(|_| kabi::errno::ERANGE)?;
    if !(min..=max).contains(&value) {
        return Err(EINVAL.into());
    }
    arg(entry)?.put(0, value)
}

/// Sets a bool; without a value it is true.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_set_bool(value: Option<KStr>, entry: Entry) -> KResult {
    let value = parse_bool(value.as_ref().map_or(b"1", |v| v.as_bytes()))?;
    arg(entry)?.put(0, u8::from(value))
}

/// Shows a bool as Y or N.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_get_bool(buffer: KPtr, entry: Entry) -> KResult<i32> {
    show(buffer, if arg(entry)?.get::<u8>(0)? != 0 { "Y" } else { "N" })
}

/// Sets a bool that can only go from false to true.
#[kexport(since = "4.4", header = "linux/moduleparam.h", gpl)]
fn param_set_bool_enable_only(value: Option<KStr>, entry: Entry) -> KResult {
    let new = parse_bool(value.as_ref().map_or(b"1", |v| v.as_bytes()))?;
    let old = arg(entry)?.get::<u8>(0)? != 0;
    match (old, new) {
        (true, false) => Err(kabi::errno::EROFS.into()),
        (false, true) => arg(entry)?.put(0, 1u8),
        _ => Ok(()),
    }
}

/// Sets a bool to the opposite of the value.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_set_invbool(value: KStr, entry: Entry) -> KResult {
    let value = parse_bool(value.as_bytes())?;
    arg(entry)?.put(0, u8::from(!value))
}

/// Shows the opposite of a bool as Y or N.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_get_invbool(buffer: KPtr, entry: Entry) -> KResult<i32> {
    show(buffer, if arg(entry)?.get::<u8>(0)? != 0 { "N" } else { "Y" })
}

/// Sets an int from a bool.
#[kexport(since = "3.4", header = "linux/moduleparam.h")]
fn param_set_bint(value: Option<KStr>, entry: Entry) -> KResult {
    let value = parse_bool(value.as_ref().map_or(b"1", |v| v.as_bytes()))?;
    arg(entry)?.put(0, i32::from(value))
}

fn free_string(addr: u64) {
    let len = STRINGS.lock().unwrap_or_else(PoisonError::into_inner).as_mut().and_then(|s| s.remove(&addr));
    if let Some(len) = len {
        heap::free(addr, len);
    }
}

/// Sets a string; lkm keeps a copy until the next value or the module's end.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_set_charp(value: KStr, entry: Entry) -> KResult {
    let bytes = value.as_bytes();
    if bytes.len() > LONGEST {
        log::line(3, &format!("{}: string parameter too long", name_of(entry)?));
        return Err(ENOSPC.into());
    }
    let slot = arg(entry)?;
    free_string(slot.get(0)?);
    let len = bytes.len() + 1;
    let addr = heap::alloc(len).ok_or(kabi::errno::ENOMEM)?;
    access::write(addr, &[bytes, &[0]].concat())?;
    STRINGS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(addr, len);
    slot.put(0, addr)
}

/// Shows a string.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_get_charp(buffer: KPtr, entry: Entry) -> KResult<i32> {
    let text: u64 = arg(entry)?.get(0)?;
    if text == 0 {
        return show(buffer, "(null)");
    }
    show(buffer, access::read_str(text, PAGE)?)
}

/// Frees the copy that a string parameter has.
#[kexport(since = "2.6.36", header = "linux/moduleparam.h")]
fn param_free_charp(slot: KPtr) -> KResult {
    free_string(slot.get(0)?);
    Ok(())
}

/// Copies a string into the module's own buffer.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_set_copystring(value: KStr, entry: Entry) -> KResult {
    let string = arg(entry)?;
    let max: u32 = STRING_MAXLEN.get(string)?;
    if value.as_bytes().len() + 1 > max as usize {
        log::line(3, &format!("{}: string doesn't fit in {} chars.", name_of(entry)?, i64::from(max) - 1));
        return Err(ENOSPC.into());
    }
    let to: u64 = STRING_STRING.get(string)?;
    Ok(access::write(to, &[value.as_bytes(), &[0]].concat())?)
}

/// Shows the module's own buffer.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_get_string(buffer: KPtr, entry: Entry) -> KResult<i32> {
    let string = arg(entry)?;
    let from: u64 = STRING_STRING.get(string)?;
    show(buffer, access::read_str(from, PAGE)?)
}

fn int_of(result: u64) -> KResult<i32> {
    let value = result as i32;
    if value < 0 { Err(kabi::Errno(-value).into()) } else { Ok(value) }
}

/// Sets an array from values between commas; the setter of `param_array_ops`.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_array_set(value: KPtr<u8>, entry: Entry) -> KResult {
    let array = arg(entry)?;
    let max: u32 = ARRAY_MAX.get(array)?;
    let size: u32 = ARRAY_ELEMSIZE.get(array)?;
    let elements: u64 = ARRAY_ELEM.get(array)?;
    let number: u64 = ARRAY_NUM.get(array)?;
    let setter: u64 = OPS_SET.get(KPtr::<()>::new(ARRAY_OPS.get(array)?))?;
    let mut count = 0u32;
    let result = (|| {
        // Each element ends with a NUL in place of its comma, as the kernel leaves it.
        let bytes = access::read_str(value.addr(), 1 << 20)?;
        let mut at = value;
        for part in bytes.split(|b| *b == b',') {
            if count == max {
                log::line(3, &format!("{}: can only take {max} arguments", name_of(entry)?));
                return Err(KError::from(EINVAL));
            }
            let copy = with_arg(entry, elements + u64::from(count) * u64::from(size))?;
            at.put(part.len() as u64, 0u8)?;
            match kabi::call(setter, &[at.addr(), copy.addr()])? as i32 {
                0 => {}
                // What is not 0 ends it, also if it is no error.
                other => return Err(kabi::Errno(other.wrapping_neg()).into()),
            }
            at = at.offset(part.len() as u64 + 1);
            count += 1;
        }
        Ok(())
    })();
    if number != 0 {
        access::put(number, count)?;
    }
    result
}

/// Shows an array with commas; the getter of `param_array_ops`.
#[kexport(since = "2.6.0", header = "linux/moduleparam.h")]
fn param_array_get(buffer: KPtr, entry: Entry) -> KResult<i32> {
    let array = arg(entry)?;
    let size: u32 = ARRAY_ELEMSIZE.get(array)?;
    let elements: u64 = ARRAY_ELEM.get(array)?;
    let number: u64 = ARRAY_NUM.get(array)?;
    let count: u32 = if number == 0 { ARRAY_MAX.get(array)? } else { access::get(number)? };
    let getter: u64 = OPS_GET.get(KPtr::<()>::new(ARRAY_OPS.get(array)?))?;
    let mut at = 0u64;
    for i in 0..u64::from(count) {
        if at > 0 {
            // The newline of the one before.
            access::put(buffer.addr() + at - 1, b',')?;
        }
        let copy = with_arg(entry, elements + i * u64::from(size))?;
        at += int_of(kabi::call(getter, &[buffer.addr() + at, copy.addr()])?)? as u64;
    }
    access::put(buffer.addr() + at, 0u8)?;
    Ok(at as i32)
}

/// Frees what the elements' setters allocated; the release of `param_array_ops`.
#[kexport(since = "2.6.36", header = "linux/moduleparam.h")]
fn param_array_free(array: KPtr) -> KResult {
    let free: u64 = OPS_FREE.get(KPtr::<()>::new(ARRAY_OPS.get(array)?))?;
    if free == 0 {
        return Ok(());
    }
    let size: u32 = ARRAY_ELEMSIZE.get(array)?;
    let elements: u64 = ARRAY_ELEM.get(array)?;
    let number: u64 = ARRAY_NUM.get(array)?;
    let count: u32 = if number == 0 { ARRAY_MAX.get(array)? } else { access::get(number)? };
    for i in 0..u64::from(count) {
        kabi::call(free, &[elements + i * u64::from(size)])?;
    }
    Ok(())
}

/// Fills a `struct kernel_param_ops` with the functions of these names ("" for none).
fn fill(addr: u64, flags: u32, names: [&str; 3]) -> KResult {
    let ops: KPtr = KPtr::new(addr);
    static FLAGS: Field = Field::new("kernel_param_ops", "flags");
    FLAGS.put(ops, flags)?;
    for (field, name) in [&OPS_SET, &OPS_GET, &OPS_FREE].into_iter().zip(names) {
        let function = if name.is_empty() { Some(0) } else { symbols::address_of(name).map_err(|e| e.errno)? };
        field.put(ops, function.unwrap_or(0))?;
    }
    Ok(())
}

macro_rules! ops {
    ($($name:literal: $flags:literal, $set:literal, $get:literal, $free:literal;)*) => {
        /// The operations by which parameters name their type.
        pub(crate) static DATA: &[DataExport] = &[$(DataExport {
            names: &[$name],
            size: DataSize::Struct("kernel_param_ops"),
            percpu: false,
            gpl: false,
            init: |addr, _| fill(addr, $flags, [$set, $get, $free]),
            doc: concat!("The operations of parameters set by ", $set, "."),
        }),*];
    };
}

ops! {
    "param_ops_byte": 0, "param_set_byte", "param_get_byte", "";
    "param_ops_short": 0, "param_set_short", "param_get_short", "";
    "param_ops_ushort": 0, "param_set_ushort", "param_get_ushort", "";
    "param_ops_int": 0, "param_set_int", "param_get_int", "";
    "param_ops_uint": 0, "param_set_uint", "param_get_uint", "";
    "param_ops_long": 0, "param_set_long", "param_get_long", "";
    "param_ops_ulong": 0, "param_set_ulong", "param_get_ulong", "";
    "param_ops_ullong": 0, "param_set_ullong", "param_get_ullong", "";
    "param_ops_hexint": 0, "param_set_hexint", "param_get_hexint", "";
    "param_ops_bool": 1, "param_set_bool", "param_get_bool", "";
    "param_ops_bool_enable_only": 1, "param_set_bool_enable_only", "param_get_bool", "";
    "param_ops_invbool": 0, "param_set_invbool", "param_get_invbool", "";
    "param_ops_bint": 1, "param_set_bint", "param_get_int", "";
    "param_ops_charp": 0, "param_set_charp", "param_get_charp", "param_free_charp";
    "param_ops_string": 0, "param_set_copystring", "param_get_string", "";
    "param_array_ops": 0, "param_array_set", "param_array_get", "param_array_free";
}
