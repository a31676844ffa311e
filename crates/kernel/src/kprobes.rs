//! Kernel probes, as far as they tell where a function is. Counterpart: kernel/kprobes.c.
//!
//! DIFFERS: nothing is stopped anywhere yet, so a probe with handlers is refused. Where functions begin with a mark
//! for indirect calls, the place behind it can be called of lkm's own functions, not of borrowed ones.

use crate::log;
use crate::module::{self, symbols};
use kabi::errno::{EINVAL, ENOENT};
use kabi::{Errno, Field, KPtr, KResult, c_int, c_uint, exports, kexport, profile};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![register_kprobe, unregister_kprobe];

/// The kernel's `struct kprobe`.
#[derive(Debug)]
pub struct Kprobe;

type Probe = KPtr<Kprobe>;

static ADDR: Field = Field::new("kprobe", "addr");
static SYMBOL: Field = Field::new("kprobe", "symbol_name");
static OFFSET: Field = Field::new("kprobe", "offset");
static FLAGS: Field = Field::new("kprobe", "flags");
static PRE_HANDLER: Field = Field::new("kprobe", "pre_handler");
static POST_HANDLER: Field = Field::new("kprobe", "post_handler");

/// `KSYM_NAME_LEN`
const NAME_LIMIT: usize = 512;
/// `EOPNOTSUPP`
const UNSUPPORTED: Errno = Errno(95);
/// `KPROBE_FLAG_FTRACE`
const BY_FTRACE: u32 = 8;
/// `KPROBE_FLAG_ON_FUNC_ENTRY`
const AT_ENTRY: u32 = 16;

/// Registered ones: what each is at.
static PROBES: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());

fn probes() -> MutexGuard<'static, BTreeMap<u64, u64>> {
    PROBES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a function of the kernel or of a module is; `None`: there is none of the name. The offset of where it can be probed
/// comes with it: behind the mark of a target of indirect calls.
fn function(name: &str) -> KResult<Option<(u64, u64)>> {
    let of_module = |module: &std::sync::Arc<module::Module>| {
        let image = module.image();
        let found = image.symbols().find(|symbol| symbol.name == name && symbol.letter.eq_ignore_ascii_case(&'t'));
        found.map(|symbol| symbol.addr)
    };
    if let Some(symbol) = profile().symbol(name) {
        let code = matches!(symbol.kind, 't' | 'T' | 'w' | 'W');
        let mark = crate::fault::first_instruction(name);
        // A variable's place says only that it is none for a probe.
        return Ok(Some(if code { (symbols::function(name).map_err(|e| e.errno)?, mark) } else { (symbol.addr, 0) }));
    }
    Ok(module::links::listed().iter().find_map(of_module).map(|addr| (addr, 0)))
}

/// Where a probe shall be (`kprobe_addr`).
fn place(probe: Probe) -> KResult<u64> {
    let (name, addr): (u64, u64) = (SYMBOL.get(probe)?, ADDR.get(probe)?);
    let offset = u64::from(OFFSET.get::<c_uint, _>(probe)?);
    if (name == 0) == (addr == 0) {
        return Err(EINVAL.into());
    }
    if name == 0 {
        return Ok(addr.wrapping_add(offset));
    }
    let name = String::from_utf8_lossy(&machine::access::read_str(name, NAME_LIMIT)?).into_owned();
    let (start, mark) = function(&name)?.ok_or(ENOENT)?;
    Ok(start.wrapping_add(if offset == 0 { mark } else { offset }))
}

/// Puts a probe at a function. Without handlers it tells where that is.
///
/// # Errors
/// `EINVAL`: a place without code, both a name and an address, or registered already. `ENOENT`: no such name. `EOPNOTSUPP`: it
/// has handlers.
#[kexport(gpl, since = "2.6.9", header = "linux/kprobes.h", partial = "a probe with handlers is refused")]
fn register_kprobe(probe: Probe) -> KResult<c_int> {
    let addr = place(probe)?;
    ADDR.put(probe, addr)?;
    if probes().contains_key(&probe.addr()) {
        return Err(EINVAL.into());
    }
    let start = crate::fault::symbolize(addr).filter(|_| is_code(addr)).ok_or(EINVAL)?;
    let (before, after): (u64, u64) = (PRE_HANDLER.get(probe)?, POST_HANDLER.get(probe)?);
    if before != 0 || after != 0 {
        let text = format!("lkm: kprobe at {}: probes stop nothing here yet, its handlers would never run", start.name);
        log::line(4, &text);
        return Err(UNSUPPORTED.into());
    }
    let mark = crate::fault::first_instruction(&start.name);
    FLAGS.put(probe, if start.offset == mark { BY_FTRACE | AT_ENTRY } else { 0 })?;
    probes().insert(probe.addr(), addr);
    Ok(0)
}

/// True for code of a module, and for what stands for the kernel's.
fn is_code(addr: u64) -> bool {
    let in_module = |module: std::sync::Arc<module::Module>| {
        module.image().sections.iter().any(|s| s.exec && (s.addr..s.addr + s.size).contains(&addr))
    };
    machine::arena::is_stub(addr) || module::containing(addr).is_some_and(in_module)
}

/// Takes a probe away.
#[kexport(gpl, since = "2.6.9", header = "linux/kprobes.h")]
fn unregister_kprobe(probe: Probe) {
    probes().remove(&probe.addr());
}

/// A module is gone, and its probes with it.
pub fn abandon(module: &module::Module) {
    let image = module.image();
    probes().retain(|probe, at| !image.contains(*probe) && !image.contains(*at));
}
