//! The formatter's view of the kernel: memory, symbols, layouts. See [`crate::klib::vsprintf`].

use crate::base::swnode;
use crate::klib::vsprintf::{Args, Env, Fault, FormatWarning, KptrAccess, PointerHash, Symbol};
use crate::{fault, sched};
use kabi::{KError, KResult, VaList, profile};
use machine::access;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// `kernel.kptr_restrict`.
pub static KPTR_RESTRICT: AtomicI32 = AtomicI32::new(0);

/// `kernel.modules_disabled`.
pub static MODULES_DISABLED: AtomicI32 = AtomicI32::new(0);

/// `module.sig_enforce`: only modules that a trusted key signed are loaded.
pub static SIG_ENFORCED: AtomicBool = AtomicBool::new(false);

/// The running kernel.
pub struct Kernel;

fn hash() -> &'static PointerHash {
    static HASH: OnceLock<PointerHash> = OnceLock::new();
    HASH.get_or_init(PointerHash::random)
}

/// Major and minor number of the kernel's release.
pub fn version() -> (u32, u32) {
    static VERSION: OnceLock<(u32, u32)> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let mut numbers = profile().release().split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        (numbers.next().unwrap_or(6), numbers.next().unwrap_or(1))
    })
}

impl Env for Kernel {
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        access::read(addr, buf).map_err(|fault| Fault::Access(fault.addr))
    }

    fn read_str(&self, addr: u64, limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        access::append_str(addr, limit, out).map_err(|fault| Fault::Access(fault.addr))
    }

    fn symbol(&self, addr: u64) -> Option<Symbol<'_>> {
        let found = fault::symbolize(addr)?;
        Some(Symbol {
            name: Cow::Owned(found.name),
            offset: found.offset,
            size: found.size,
            module: found.module.map(Cow::Owned),
            build_id: None,
        })
    }

    fn member(&self, structure: &str, path: &str) -> Option<u64> {
        profile().member(structure, path).map(|m| m.offset)
    }

    fn hash_pointer(&self, pointer: u64) -> Option<u32> {
        Some(hash().id(pointer))
    }

    fn kptr_restrict(&self) -> i32 {
        KPTR_RESTRICT.load(Ordering::Relaxed)
    }

    fn kptr_access(&self) -> KptrAccess {
        if sched::caller().uid == 0 { KptrAccess::Allowed } else { KptrAccess::Denied }
    }

    fn release(&self) -> (u32, u32) {
        version()
    }

    fn fwnode_parent(&self, fwnode: u64) -> Option<u64> {
        swnode::parent(fwnode)
    }

    fn fwnode_name(&self, fwnode: u64) -> Option<Vec<u8>> {
        swnode::name(fwnode)
    }

    fn fwnode_prefix(&self, fwnode: u64) -> Option<Vec<u8>> {
        swnode::prefix(fwnode)
    }

    fn warn_once(&self, warning: FormatWarning) {
        static SEEN: Mutex<Option<HashSet<FormatWarning>>> = Mutex::new(None);
        if SEEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(warning) {
            crate::log::line(4, &String::from_utf8_lossy(&warning.text()));
        }
    }
}

/// A module's `va_list` as the formatter's arguments; reading it advances the module's list.
pub struct Slots(pub VaList);

impl Args for Slots {
    fn next_slot(&mut self) -> Result<u64, Fault> {
        self.0.next().map_err(|e| match e {
            KError::Fault(fault) => Fault::Access(fault.addr),
            _ => Fault::Access(0),
        })
    }
}

/// What a formatter's fault is for the module: an oops at the address.
pub fn fault_of(fault: Fault) -> KError {
    let addr = match fault {
        Fault::Access(addr) => addr,
        Fault::Depth => 0,
    };
    KError::Fault(access::Fault { addr, write: false })
}

/// One argument, again and again.
struct Only(u64);

impl Args for Only {
    fn next_slot(&mut self) -> Result<u64, Fault> {
        Ok(self.0)
    }
}

fn one(fmt: &[u8], value: u64) -> String {
    let mut out = Vec::new();
    // A buffer of ours that is large enough.
    let _ = crate::klib::vsprintf::vsnprintf(&Kernel, &mut out, i32::MAX as usize, fmt, &mut Only(value));
    String::from_utf8_lossy(&out).into_owned()
}

/// An address as `%p` shows it.
pub fn hashed(addr: u64) -> String {
    one(b"%p", addr)
}

/// GFP flags as `%pGg` shows them.
pub fn gfp_flags(flags: u32) -> String {
    let flags = std::hint::black_box(Box::new(flags));
    one(b"%pGg", std::ptr::from_ref(&*flags) as u64)
}

/// Formats with a module's format string and arguments: the whole text.
///
/// # Errors
/// A fault of the format or the arguments.
pub fn format(fmt: u64, args: VaList) -> KResult<Vec<u8>> {
    let fmt = access::read_str(fmt, 1 << 20)?;
    let mut out = Vec::new();
    crate::klib::vsprintf::vsnprintf(&Kernel, &mut out, i32::MAX as usize, &fmt, &mut Slots(args)).map_err(fault_of)?;
    Ok(out)
}
