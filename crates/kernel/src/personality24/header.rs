//! Checks a `struct module` of Linux 2.4 with the image behind it, before a byte of it is believed.
//!
//! Counterpart: the first half of `sys_init_module` in kernel/module.c of Linux 2.4, in its order, with its errnos and
//! its words in the log. Pure functions over bytes.
//!
//! DIFFERS: 2.4 believes the names in the symbol table; here they must lie in the image too, and take at most
//! `MOST_NAMES` bytes in all. A module refers to at most `MOST_DEPS` others.

use kabi::Errno;
use kabi::errno::{EFAULT, EINVAL, ENAMETOOLONG};
use std::ops::Range;
use wire::legacy::{REF_LEN, SYMBOL_LEN, archdata, flag, header as at};

/// Bytes of a page, and one more than the longest name.
const PAGE: usize = 4096;
/// Bytes of an exception table's entry: two addresses.
const EXCEPTION_LEN: u64 = 16;

/// Bytes that a module's symbol table may take: an answer to `query_module` must fit into a message.
const MOST_NAMES: u64 = 8 << 20;
/// References that a module may have.
const MOST_DEPS: u64 = 256;

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What the system call returns.
    pub errno: Errno,
    /// What the log says.
    pub lines: Vec<String>,
}

fn silent(errno: Errno) -> Wrong {
    Wrong { errno, lines: Vec::new() }
}

fn invalid(what: &str) -> Wrong {
    Wrong { errno: EINVAL, lines: vec![format!("init_module: {what}")] }
}

/// A symbol that a module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its value.
    pub value: u64,
    /// Its name.
    pub name: Vec<u8>,
}

/// Pages and what module code may do with them: start, end, one of [`archdata`]'s numbers.
pub type Protection = (Range<u64>, u64);

/// What an image says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the image.
    pub size: u64,
    /// `MOD_AUTOCLEAN` or 0.
    pub flags: u64,
    /// Its init function; 0 for none.
    pub init: u64,
    /// Its cleanup function; 0 for none.
    pub cleanup: u64,
    /// Its can_unload function; 0 for none.
    pub can_unload: u64,
    /// What it exports.
    pub syms: Vec<Symbol>,
    /// Where its references to other modules lie.
    pub deps_at: u64,
    /// The addresses of the modules that it refers to.
    pub deps: Vec<u64>,
    /// How it wants to be protected; `None` if it does not say.
    pub protection: Option<Vec<Protection>>,
}

/// The bytes of an image that will lie at `addr`.
struct Bytes<'a> {
    bytes: &'a [u8],
    addr: u64,
    /// `size_of_struct`.
    head: u64,
    /// `size`.
    size: u64,
}

impl Bytes<'_> {
    fn slice(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }

    fn u64_at(&self, offset: u64) -> Option<u64> {
        self.slice(offset, 8)?.first_chunk().copied().map(u64::from_le_bytes)
    }

    fn u32_at(&self, offset: u64) -> Option<u32> {
        self.slice(offset, 4)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    /// A number of the header; what it is too short for is zero.
    fn word(&self, offset: u64) -> u64 {
        if self.has(offset) { self.u64_at(offset).unwrap_or(0) } else { 0 }
    }

    /// `mod_member_present` for a member of 8 bytes.
    fn has(&self, offset: u64) -> bool {
        offset + 8 <= self.head
    }

    /// `mod_bound`: `len` bytes at the address lie in the image, behind the header.
    fn bound(&self, address: u64, len: u64) -> bool {
        let inside = |offset: u64| offset >= self.head && offset.checked_add(len).is_some_and(|end| end <= self.size);
        address.checked_sub(self.addr).is_some_and(inside)
    }

    /// The bytes at an address up to a NUL, which must lie in the image.
    fn string(&self, address: u64) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(self.addr)?).ok()?;
        let end = self.bytes.len().min(usize::try_from(self.size).ok()?);
        let rest = self.bytes.get(start..end)?;
        rest.get(..rest.iter().position(|&c| c == 0)?)
    }
}

/// Checks an image that the caller has for the module `name`, which was created with `created` bytes at `addr`. `bytes`
/// is what can be read of it.
///
/// # Errors
/// As `init_module` of 2.4: `EINVAL` where something is out of bounds, `EFAULT` where memory ends.
pub fn check(bytes: &[u8], addr: u64, created: u64, name: &[u8]) -> Result<Header, Wrong> {
    let mut image = Bytes { bytes, addr, head: 0, size: 0 };
    image.head = image.u64_at(at::SIZE_OF_STRUCT).ok_or(silent(EFAULT))?;
    if !(at::PERSIST_START..=at::MOST).contains(&image.head) {
        let lines = ["init_module: Invalid module header size.", "A new version of the modutils is likely needed."];
        return Err(Wrong { errno: EINVAL, lines: lines.map(String::from).into() });
    }
    if (bytes.len() as u64) < image.head {
        return Err(silent(EFAULT));
    }
    image.size = image.word(at::SIZE);
    if image.size > created {
        return Err(invalid("Size of initialized module exceeds size of created module."));
    }
    let nsyms = image.u32_at(at::NSYMS).map_or(0, u64::from);
    let ndeps = image.u32_at(at::NDEPS).map_or(0, u64::from);
    pointers(&image, nsyms, ndeps, name.len() as u64)?;
    extensions(&image)?;
    same_name(&image, name)?;
    if (bytes.len() as u64) < image.size {
        return Err(silent(EFAULT));
    }
    Ok(Header {
        size: image.size,
        flags: image.word(at::FLAGS),
        init: image.word(at::INIT),
        cleanup: image.word(at::CLEANUP),
        can_unload: image.word(at::CAN_UNLOAD),
        syms: symbols(&image, nsyms)?,
        deps_at: image.word(at::DEPS),
        deps: deps(&image, ndeps),
        protection: protection(&image)?,
    })
}

/// The pointers that every header has.
fn pointers(image: &Bytes<'_>, nsyms: u64, ndeps: u64, name_len: u64) -> Result<(), Wrong> {
    let function = |offset| image.word(offset) == 0 || image.bound(image.word(offset), 0);
    let (syms, deps) = (nsyms.saturating_mul(SYMBOL_LEN), ndeps.saturating_mul(REF_LEN));
    for (good, what) in [
        (image.bound(image.word(at::NAME), name_len), "mod->name out of bounds."),
        (nsyms == 0 || image.bound(image.word(at::SYMS), syms), "mod->syms out of bounds."),
        (ndeps == 0 || ndeps <= MOST_DEPS && image.bound(image.word(at::DEPS), deps), "mod->deps out of bounds."),
        (function(at::INIT), "mod->init out of bounds."),
        (function(at::CLEANUP), "mod->cleanup out of bounds."),
        (exceptions(image), "mod->ex_table_* invalid."),
        (image.word(at::FLAGS) & !flag::AUTOCLEAN == 0, "mod->flags invalid."),
    ] {
        if !good {
            return Err(invalid(what));
        }
    }
    Ok(())
}

fn exceptions(image: &Bytes<'_>) -> bool {
    let (start, end) = (image.word(at::EX_TABLE_START), image.word(at::EX_TABLE_END));
    // The end of the image itself is one too far for it.
    let inside = || image.bound(start, 0) && image.bound(end, 1);
    start <= end && (start == 0 || inside()) && (end - start).is_multiple_of(EXCEPTION_LEN)
}

/// The pointers that came later.
fn extensions(image: &Bytes<'_>) -> Result<(), Wrong> {
    let can_unload = image.word(at::CAN_UNLOAD);
    if can_unload != 0 && !image.bound(can_unload, 0) {
        return Err(invalid("mod->can_unload out of bounds."));
    }
    for (start, end, what) in [
        (at::KALLSYMS_START, at::KALLSYMS_END, "mod->kallsyms"),
        (at::ARCHDATA_START, at::ARCHDATA_END, "mod->archdata"),
    ] {
        if !image.has(end) {
            continue;
        }
        let (start, end) = (image.word(start), image.word(end));
        if end != 0 && !(image.bound(start, 0) && image.bound(end, 0)) {
            return Err(invalid(&format!("{what} out of bounds.")));
        }
        if start > end {
            return Err(invalid(&format!("{what} invalid.")));
        }
    }
    if image.word(at::KERNEL_DATA) != 0 {
        return Err(invalid("mod->kernel_data must be zero."));
    }
    Ok(())
}

/// The name in the image is the one that the module was created with.
fn same_name(image: &Bytes<'_>, name: &[u8]) -> Result<(), Wrong> {
    let address = image.word(at::NAME);
    let failure = |errno| Wrong { errno, ..invalid("get_mod_name failure.") };
    let Some(said) = image.string(address) else {
        // Its end lies behind what the caller can show, or there is none.
        let rest = image.size.saturating_sub(address.saturating_sub(image.addr));
        let cut = (image.bytes.len() as u64) < image.size;
        return Err(failure(if cut || rest < PAGE as u64 { EFAULT } else { ENAMETOOLONG }));
    };
    match said.len() {
        0 => Err(failure(EINVAL)),
        PAGE.. => Err(failure(ENAMETOOLONG)),
        _ if said == name => Ok(()),
        _ => {
            let (said, name) = (String::from_utf8_lossy(said), String::from_utf8_lossy(name));
            Err(invalid(&format!("changed module name to `{said}' from `{name}'")))
        }
    }
}

fn symbols(image: &Bytes<'_>, count: u64) -> Result<Vec<Symbol>, Wrong> {
    let table = image.word(at::SYMS).wrapping_sub(image.addr);
    let mut left = MOST_NAMES;
    let mut symbol = |i: u64| {
        let row = table.checked_add(i * SYMBOL_LEN)?;
        let name = image.string(image.u64_at(row + 8)?)?.to_vec();
        left = left.checked_sub(SYMBOL_LEN + name.len() as u64 + 1)?;
        Some(Symbol { value: image.u64_at(row)?, name })
    };
    (0..count).map(|i| symbol(i).ok_or_else(|| invalid("mod->syms out of bounds."))).collect()
}

fn deps(image: &Bytes<'_>, count: u64) -> Vec<u64> {
    let table = image.word(at::DEPS).wrapping_sub(image.addr);
    (0..count).filter_map(|i| image.u64_at(table.checked_add(i * REF_LEN)?)).collect()
}

/// How the image wants to be protected.
fn protection(image: &Bytes<'_>) -> Result<Option<Vec<Protection>>, Wrong> {
    let (start, end) = (image.word(at::ARCHDATA_START), image.word(at::ARCHDATA_END));
    let data = image.slice(start.wrapping_sub(image.addr), end.saturating_sub(start)).unwrap_or_default();
    let Some(rows) = data.strip_prefix(&archdata::MAGIC).filter(|_| image.has(at::ARCHDATA_END)) else {
        return Ok(None);
    };
    let whole = |address: u64| address.is_multiple_of(PAGE as u64);
    let mut protection = Vec::new();
    for row in rows.chunks(archdata::ENTRY as usize) {
        let mut numbers = row.as_chunks::<8>().0.iter().map(|n| u64::from_le_bytes(*n));
        let (Some(start), Some(end), Some(access)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return Err(silent(EINVAL));
        };
        let last = image.addr + image.size.next_multiple_of(PAGE as u64);
        let inside = image.addr <= start && start <= end && end <= last && whole(start) && whole(end);
        if !inside || ![archdata::READ, archdata::WRITE, archdata::EXECUTE].contains(&access) {
            return Err(silent(EINVAL));
        }
        protection.push((start..end, access));
    }
    Ok(Some(protection))
}

#[cfg(test)]
mod tests;
