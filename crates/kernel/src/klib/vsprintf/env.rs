//! What a format needs from outside: its arguments, and the kernel's memory and tables.
//!
//! The formatter itself touches no foreign memory. Everything behind a pointer is read through [`Env`], which checks the
//! range; a failed read is a [`Fault`], and the caller turns that into the oops the real kernel would have had.

use std::borrow::Cow;
use std::fmt;

/// Why formatting could not go on. The real kernel would have oopsed at this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Memory at this address cannot be read or written.
    Access(u64),
    /// `%pV` formats are nested too deeply (a `va_format` that contains itself).
    Depth,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Access(addr) => write!(f, "a format's argument points to memory that cannot be used: {addr:#x}"),
            Fault::Depth => f.write_str("%pV formats are nested too deeply: does a va_format contain itself?"),
        }
    }
}

impl std::error::Error for Fault {}

/// The variable arguments of one call, in order. Every argument is one 8-byte slot; smaller ones are truncated here, not
/// by the implementor.
pub trait Args {
    /// Takes the next argument.
    ///
    /// # Errors
    /// [`Fault`] when the slot cannot be read.
    fn next_slot(&mut self) -> Result<u64, Fault>;
}

/// Arguments from a slice; reading past the end faults. For callers in Rust, and tests.
#[derive(Clone, Debug)]
pub struct SliceArgs<'a>(std::slice::Iter<'a, u64>);

impl<'a> SliceArgs<'a> {
    /// Arguments from `slots`, in order.
    #[must_use]
    pub fn new(slots: &'a [u64]) -> Self {
        Self(slots.iter())
    }
}

impl Args for SliceArgs<'_> {
    fn next_slot(&mut self) -> Result<u64, Fault> {
        self.0.next().copied().ok_or(Fault::Access(0))
    }
}

/// A copy of a C `va_list` of the System V x86-64 ABI (what `va_copy` makes): taking arguments leaves the original alone.
pub struct VaList<'e> {
    env: &'e dyn Env,
    gp_offset: u32,
    overflow: u64,
    save_area: u64,
}

/// Bytes of general registers in a register save area.
const GP_AREA: u32 = 48;

impl<'e> VaList<'e> {
    /// Copies the `va_list` at `addr`.
    ///
    /// # Errors
    /// [`Fault::Access`] when its 24 bytes cannot be read.
    pub fn copy(env: &'e dyn Env, addr: u64) -> Result<Self, Fault> {
        Ok(Self {
            env,
            gp_offset: read_u32(env, addr)?,
            overflow: read_u64(env, at(addr, 8)?)?,
            save_area: read_u64(env, at(addr, 16)?)?,
        })
    }
}

impl Args for VaList<'_> {
    fn next_slot(&mut self) -> Result<u64, Fault> {
        if self.gp_offset < GP_AREA {
            let value = read_u64(self.env, at(self.save_area, u64::from(self.gp_offset))?)?;
            self.gp_offset += 8;
            return Ok(value);
        }
        let value = read_u64(self.env, self.overflow)?;
        self.overflow = at(self.overflow, 8)?;
        Ok(value)
    }
}

/// What kallsyms knows of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// The symbol's name.
    pub name: Cow<'a, str>,
    /// How far the address is behind the symbol.
    pub offset: u64,
    /// The symbol's size.
    pub size: u64,
    /// The module it belongs to; `None` for the kernel's own.
    pub module: Option<Cow<'a, str>>,
    /// The module's build id, when CONFIG_STACKTRACE_BUILD_ID is set (Debian's kernels leave it off).
    pub build_id: Option<[u8; 20]>,
}

/// May the current task see real addresses printed with `%pK` while `kptr_restrict` is 1?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KptrAccess {
    /// It has CAP_SYSLOG and its effective ids are its real ones.
    Allowed,
    /// It has not.
    Denied,
    /// There is no task to ask: an interrupt.
    Interrupt,
}

/// A mistake in a format that the kernel reports with `WARN_ONCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormatWarning {
    /// A conversion that does not exist; `%n` is one of them.
    Unsupported(u8),
    /// A `*` width beyond 23 bits.
    Width(i32),
    /// A `*` precision beyond 15 bits.
    Precision(i32),
    /// A buffer size above `INT_MAX`.
    Size(u64),
    /// `%pA` outside of Rust code.
    RustFormat,
}

impl FormatWarning {
    /// The text of the kernel's warning (an empty one for `WARN_ON_ONCE`), without its newline.
    #[must_use]
    pub fn text(self) -> Vec<u8> {
        match self {
            FormatWarning::Unsupported(c) => {
                [b"Please remove unsupported %".as_slice(), &[c], b" in format string"].concat()
            }
            FormatWarning::Width(w) => format!("field width {w} too large").into_bytes(),
            FormatWarning::Precision(p) => format!("precision {p} too large").into_bytes(),
            FormatWarning::Size(_) => Vec::new(),
            FormatWarning::RustFormat => b"Please remove %pA from non-Rust code".to_vec(),
        }
    }
}

/// The kernel around the formatter.
pub trait Env {
    /// Fills `buf` from memory at `addr`.
    ///
    /// # Errors
    /// [`Fault::Access`] with the first address that cannot be read.
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Fault>;

    /// Appends the string at `addr` to `out`: up to its NUL (not included), at most `limit` bytes.
    ///
    /// # Errors
    /// [`Fault::Access`] when memory ends before the string does.
    fn read_str(&self, addr: u64, limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        read_str_in_blocks(self, addr, limit, out)
    }

    /// The symbol that contains `addr`.
    fn symbol(&self, addr: u64) -> Option<Symbol<'_>>;

    /// The offset of a structure's member; `path` may go through nested members (`d_name.name`).
    fn member(&self, structure: &str, path: &str) -> Option<u64>;

    /// The 32-bit id that stands for a pointer; `None` before there is a random key.
    fn hash_pointer(&self, pointer: u64) -> Option<u32>;

    /// `kernel.no_hash_pointers`: print real addresses.
    fn no_hash_pointers(&self) -> bool {
        false
    }

    /// `kernel.kptr_restrict`.
    fn kptr_restrict(&self) -> i32 {
        0
    }

    /// Whether the current task may see `%pK` addresses; asked only while `kptr_restrict` is 1.
    fn kptr_access(&self) -> KptrAccess {
        KptrAccess::Denied
    }

    /// The kernel release whose behaviour is wanted: version and patch level.
    fn release(&self) -> (u32, u32);

    /// Reports a mistake in a format; the implementor makes it once for each place.
    fn warn_once(&self, warning: FormatWarning);

    /// A firmware node's parent.
    fn fwnode_parent(&self, _fwnode: u64) -> Option<u64> {
        None
    }

    /// A firmware node's name, as its operations tell it.
    fn fwnode_name(&self, _fwnode: u64) -> Option<Vec<u8>> {
        None
    }

    /// What stands between a firmware node's parent's name and its own (`/` or `.`).
    fn fwnode_prefix(&self, _fwnode: u64) -> Option<Vec<u8>> {
        None
    }
}

/// Blocks of this size, aligned to it, never cross into a page that the string does not touch.
const BLOCK: u64 = 64;

fn read_str_in_blocks<E: Env + ?Sized>(
    env: &E,
    mut addr: u64,
    mut limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut block = [0u8; BLOCK as usize];
    while limit > 0 {
        let room = (BLOCK - addr % BLOCK) as usize;
        let part = &mut block[..room.min(limit)];
        env.read(addr, part)?;
        let end = part.iter().position(|&b| b == 0);
        out.extend_from_slice(&part[..end.unwrap_or(part.len())]);
        if end.is_some() {
            return Ok(());
        }
        limit -= part.len();
        addr = at(addr, part.len() as u64)?;
    }
    Ok(())
}

/// `addr + offset`, or a fault where that wraps around.
pub(super) fn at(addr: u64, offset: u64) -> Result<u64, Fault> {
    addr.checked_add(offset).ok_or(Fault::Access(u64::MAX))
}

/// Reads `N` bytes at `addr`.
pub(super) fn read_array<const N: usize>(env: &dyn Env, addr: u64) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    env.read(addr, &mut bytes)?;
    Ok(bytes)
}

/// Reads a little-endian u32.
pub(super) fn read_u32(env: &dyn Env, addr: u64) -> Result<u32, Fault> {
    read_array(env, addr).map(u32::from_le_bytes)
}

/// Reads a little-endian u64.
pub(super) fn read_u64(env: &dyn Env, addr: u64) -> Result<u64, Fault> {
    read_array(env, addr).map(u64::from_le_bytes)
}
