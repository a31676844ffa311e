//! Exact mode: every access of a module is checked, to the byte. Here is what decides about one.
//!
//! A module that was built with KASAN's instrumentation calls the functions below before each access; of any other,
//! [`exact`] finds the accesses. What goes to a closed page ([`guard`]) is left to the trap that follows; what is seen here
//! is the rest: the bytes around a block within its pages, pages that were opened after a first report, and the room
//! between global variables. Most accesses are let through by the shadow ([`machine::shadow`]), without asking here.
//! Counterparts: mm/kasan/generic.c, mm/kasan/report.c.
//!
//! DIFFERS: these functions are no exports of the kernel that modules believe to run on; only in exact mode they can be
//! imported.

use crate::mm::check::{self, Mode, Report};
use crate::mm::exact;
use crate::mm::guard::{self, Access};
use crate::module::{self, Module};
use kabi::{Export, KPtr, KResult, exports, kexport};
use loader::{Found, Image, Owner, Refusal};
use machine::heap::guarded::Pages;
use machine::{access, shadow};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};

mod stack;

exports![
    __asan_load1_noabort,
    __asan_load2_noabort,
    __asan_load4_noabort,
    __asan_load8_noabort,
    __asan_load16_noabort,
    __asan_loadN_noabort,
    __asan_store1_noabort,
    __asan_store2_noabort,
    __asan_store4_noabort,
    __asan_store8_noabort,
    __asan_store16_noabort,
    __asan_storeN_noabort,
    __asan_memset,
    __asan_memcpy,
    __asan_memmove,
    __asan_handle_no_return,
    __asan_register_globals,
    __asan_unregister_globals
];

/// Pages of a guarded block.
#[derive(Debug, Clone, Copy)]
struct Zone {
    pages: Pages,
    /// Where the block begins and how long it is.
    start: u64,
    len: usize,
    is_free: bool,
}

/// A global variable with the room behind it that belongs to nobody.
#[derive(Debug, Clone)]
struct Global {
    size: u64,
    with_redzone: u64,
    name: String,
    file: String,
}

/// By the first page.
static ZONES: RwLock<BTreeMap<u64, Zone>> = RwLock::new(BTreeMap::new());
static GLOBALS: RwLock<BTreeMap<u64, Global>> = RwLock::new(BTreeMap::new());
/// The stubs of the functions above that modules have.
static GIVEN: Mutex<Option<HashMap<&'static str, u64>>> = Mutex::new(None);

fn zones() -> RwLockWriteGuard<'static, BTreeMap<u64, Zone>> {
    ZONES.write().unwrap_or_else(PoisonError::into_inner)
}

fn is_on() -> bool {
    check::mode() == Mode::Exact
}

/// A block was handed out, or changed its length.
pub fn on_alloc(pages: Pages, start: u64, len: usize) {
    if is_on() {
        zones().insert(pages.start, Zone { pages, start, len, is_free: false });
        shadow::close(pages.start, guard::end_of(pages) - pages.start);
        shadow::open(start, len as u64);
    }
}

/// A block was given back; its pages stay closed for a while.
pub fn on_free(pages: Pages) {
    if is_on()
        && let Some(zone) = zones().get_mut(&pages.start)
    {
        zone.is_free = true;
        shadow::close(pages.start, pages.len as u64);
    }
}

/// The pages are nobody's any more.
pub fn on_give(pages: Pages) {
    if is_on() {
        zones().remove(&pages.start);
        shadow::clear(pages.start, guard::end_of(pages) - pages.start);
    }
}

/// The function behind an import that only instrumented code has.
///
/// # Errors
/// When there is no memory for its stub.
pub fn find(name: &str) -> Result<Option<Found>, Refusal> {
    // Such a module writes the shadow itself: without one it is refused.
    if !is_on() || shadow::routines().is_empty() {
        return Ok(None);
    }
    let Some(export) = all_exports().find(|export| export.names.contains(&name)) else { return Ok(None) };
    let value = stub(export)?;
    let (crc, namespace, proprietary) = (None, None, None);
    Ok(Some(Found { value, crc, gpl_only: false, namespace, owner: Owner::Kernel, proprietary }))
}

fn stub(export: &'static Export) -> Result<u64, Refusal> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let name = export.names.first().copied().unwrap_or_default();
    if let Some(value) = given.get(name) {
        return Ok(*value);
    }
    let value = module::symbols::make_own(export)?;
    given.insert(name, value);
    Ok(value)
}

/// Runs the constructors with which an instrumented module tells of its variables (`do_mod_ctors`); kernels without
/// `CONFIG_CONSTRUCTORS` run none.
///
/// # Errors
/// One of them died.
pub fn construct(module: &Module) -> KResult {
    if !is_on() {
        return Ok(());
    }
    let image = module.image();
    let is_instrumented = image.symbols().any(|symbol| symbol.name == "__asan_register_globals");
    let section = image.section(".init_array").map(|section| (section.addr, section.size));
    drop(image);
    let Some((addr, size)) = section.filter(|_| is_instrumented) else { return Ok(()) };
    for at in (addr..addr + size).step_by(8) {
        kabi::call(access::get(at)?, &[])?;
    }
    Ok(())
}

/// A module goes: its variables do, too.
pub fn forget(module: &Module) {
    if is_on() {
        let image = module.image();
        let blocks = [&image.core.block, &image.init.block].into_iter().flatten();
        blocks.for_each(|block| exact::forget(&(block.addr()..block.addr() + block.len() as u64)));
    }
}

/// What is only for init goes.
pub fn forget_init(image: &Image) {
    if let Some(block) = image.init.block.as_ref().filter(|_| is_on()) {
        forget_variables(&(block.addr()..block.addr() + block.len() as u64));
    }
}

/// The memory is somebody else's.
pub fn forget_variables(range: &Range<u64>) {
    GLOBALS.write().unwrap_or_else(PoisonError::into_inner).retain(|addr, _| !range.contains(addr));
    shadow::clear(range.start, range.end - range.start);
}

/// A variable of a module, and the room behind it that is nobody's.
pub fn on_variable(start: u64, size: u64, room: u64, name: &str) {
    let global = Global { size, with_redzone: size + room, name: name.to_string(), file: String::new() };
    add_global(start, global);
}

fn add_global(start: u64, global: Global) {
    shadow::close_behind(start + global.size, global.with_redzone - global.size);
    GLOBALS.write().unwrap_or_else(PoisonError::into_inner).insert(start, global);
}

/// Looks at an access that the module code calling is about to make.
fn look(addr: u64, size: usize, write: bool) {
    if shadow::is_open(addr, size) {
        return;
    }
    look_at(Access { addr, size, write, ip: 0, by: None });
}

/// Looks at an access that one of lkm's functions is about to make for the module that called it: the machine's watcher.
pub fn on_access(addr: u64, size: usize, write: bool) {
    thread_local! {
        static LOOKS: Cell<bool> = const { Cell::new(false) };
    }
    // Whoever reports reads memory, too.
    if !LOOKS.replace(true) {
        let by = Some(kabi::running().map_or("lkm", name_for_people));
        look_at(Access { addr, size, write, ip: 0, by });
        LOOKS.set(false);
    }
}

/// `__kfifo_in` and `_copy_to_user` are what their callers know without the underscores, and so is `__asan_memcpy`.
pub fn name_for_people(name: &'static str) -> &'static str {
    name.strip_prefix("__asan_").unwrap_or(name).trim_start_matches('_')
}

/// Looks at an access that module code is about to make.
pub fn look_at(access: Access) {
    let Access { addr, size, .. } = access;
    let zone = ZONES.read().unwrap_or_else(PoisonError::into_inner).range(..=addr).next_back().map(|(_, zone)| *zone);
    if let Some(zone) = zone.filter(|zone| addr < guard::end_of(zone.pages)) {
        look_at_block(zone, access);
        return;
    }
    match global_at(addr) {
        Some((start, global)) if size > 0 && addr - start + size as u64 > global.size => {
            report_global(start, &global, access);
        }
        Some(_) => {}
        None => stack::look_at(access),
    }
}

/// The variable in which an address lies, or in the room behind which.
fn global_at(addr: u64) -> Option<(u64, Global)> {
    let globals = GLOBALS.read().unwrap_or_else(PoisonError::into_inner);
    let (start, global) = globals.range(..=addr).next_back()?;
    (addr - start < global.with_redzone).then(|| (*start, global.clone()))
}

fn look_at_block(zone: Zone, access: Access) {
    let end = access.addr + access.size as u64;
    let is_inside = access.addr >= zone.start && end <= zone.start + zone.len as u64;
    if access.size == 0 || is_inside && !zone.is_free {
        return;
    }
    let is_open = guard::is_open(zone.pages, zone.is_free, end);
    let is_own = access.by.is_some();
    if !is_open && is_own && access.addr >= zone.pages.start + zone.pages.len as u64 {
        // It may belong to the next block.
        guard::on_fault(access);
        return;
    }
    // What touches a closed page traps, and is reported then; an access of lkm's own would only fail.
    if is_open || is_own {
        guard::report_at(access, zone.start);
    }
    if !is_open && is_own {
        guard::open_up_to(zone.pages, zone.is_free, end);
    }
}

fn report_global(start: u64, global: &Global, access: Access) {
    let past = (access.addr + access.size as u64).saturating_sub(start + global.size);
    let place = match access.addr.checked_sub(start + global.size) {
        Some(behind) => format!("{behind} bytes past the end of"),
        None => format!("its last {past} bytes past the end of"),
    };
    let owner = module::containing(start).map(|m| format!(" of module {}", m.name())).unwrap_or_default();
    let Global { size, name, file, .. } = global;
    let file = if file.is_empty() { String::new() } else { format!(", {file}") };
    let what = format!("out-of-bounds {}, {place} {name} ({size} bytes, a global{owner}{file})", access.text());
    access.publish("global-out-of-bounds", what, |report: Report| report);
}

/// The text at an address; what cannot be read is empty.
fn text(addr: u64) -> String {
    const LONGEST: usize = 256;
    access::read_str(addr, LONGEST).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Tells of the global variables of a module: `count` records of 64 bytes.
#[kexport(since = "4.0", header = "linux/kasan.h")]
fn __asan_register_globals(globals: KPtr, count: u64) -> KResult {
    const RECORD: u64 = 64;
    for n in 0..count {
        let record = globals.offset(n * RECORD);
        let [start, size, with_redzone, name, file]: [u64; 5] =
            [record.get(0)?, record.get(8)?, record.get(16)?, record.get(24)?, record.get(32)?];
        let file = text(file);
        // The folder is one that the module was built in, and gone.
        let file = file.rsplit('/').next().unwrap_or_default().to_string();
        let global = Global { size, with_redzone, name: text(name), file };
        add_global(start, global);
    }
    Ok(())
}

/// Nothing: the variables are forgotten with their module.
#[kexport(since = "4.0", header = "linux/kasan.h")]
fn __asan_unregister_globals(_globals: KPtr, _count: u64) {}

/// Nothing: a function that does not come back is abandoned, and then its part of the stack is opened.
#[kexport(since = "4.0", header = "linux/kasan.h")]
fn __asan_handle_no_return() {}

macro_rules! accesses {
    ($($name:ident $size:literal $write:literal;)*) => {$(
        /// Says that an access of this many bytes follows.
        #[kexport(since = "4.0", header = "linux/kasan.h")]
        fn $name(addr: u64) {
            look(addr, $size, $write);
        }
    )*};
}

accesses! {
    __asan_load1_noabort 1 false;
    __asan_load2_noabort 2 false;
    __asan_load4_noabort 4 false;
    __asan_load8_noabort 8 false;
    __asan_load16_noabort 16 false;
    __asan_store1_noabort 1 true;
    __asan_store2_noabort 2 true;
    __asan_store4_noabort 4 true;
    __asan_store8_noabort 8 true;
    __asan_store16_noabort 16 true;
}

/// memset, checked.
#[kexport(since = "4.0", header = "linux/kasan.h", symbol = "__hwasan_memset")]
fn __asan_memset(to: KPtr, byte: i32, size: u64) -> KResult<KPtr> {
    access::fill(to.addr(), byte as u8, size as usize)?;
    Ok(to)
}

/// memcpy, checked.
#[kexport(since = "4.0", header = "linux/kasan.h", symbol = "__hwasan_memcpy")]
fn __asan_memcpy(to: KPtr, from: KPtr, size: u64) -> KResult<KPtr> {
    copy(to, from, size)
}

/// memmove, checked.
#[kexport(since = "4.0", header = "linux/kasan.h", symbol = "__hwasan_memmove")]
fn __asan_memmove(to: KPtr, from: KPtr, size: u64) -> KResult<KPtr> {
    copy(to, from, size)
}

fn copy(to: KPtr, from: KPtr, size: u64) -> KResult<KPtr> {
    let mut bytes = vec![0; size as usize];
    access::read(from.addr(), &mut bytes)?;
    access::write(to.addr(), &bytes)?;
    Ok(to)
}

/// What takes the place of a function of the kernel's in exact mode: what it does to memory is checked.
///
/// # Errors
/// When there is no memory for its stub.
pub fn in_place_of(name: &str) -> Result<Option<u64>, Refusal> {
    let plain = name.strip_prefix("__").unwrap_or(name);
    if !is_on() || !["memset", "memcpy", "memmove"].contains(&plain) {
        return Ok(None);
    }
    Ok(find(&format!("__asan_{plain}"))?.map(|found| found.value))
}

/// The names that instrumented code imports.
pub fn names() -> impl Iterator<Item = &'static str> {
    all_exports().flat_map(|export| export.names.iter().copied())
}

fn all_exports() -> impl Iterator<Item = &'static &'static Export> {
    EXPORTS.iter().chain(stack::EXPORTS)
}

/// Says that a read of `size` bytes follows.
#[kexport(since = "4.0", header = "linux/kasan.h")]
#[allow(non_snake_case, reason = "the compiler calls it so")]
fn __asan_loadN_noabort(addr: u64, size: u64) {
    look(addr, size as usize, false);
}

/// Says that a write of `size` bytes follows.
#[kexport(since = "4.0", header = "linux/kasan.h")]
#[allow(non_snake_case, reason = "the compiler calls it so")]
fn __asan_storeN_noabort(addr: u64, size: u64) {
    look(addr, size as usize, true);
}
