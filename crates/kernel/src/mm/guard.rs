//! Guard mode: blocks that end at a closed page, canaries in the rest of their pages, freed blocks closed for a while.
//!
//! It finds an access behind a block at once (to the byte where the length is a multiple of 8, the least alignment), one
//! in front of it or in the last bytes when the block is freed, and an access to a freed block at once, until its pages
//! are used again. The access is reported and then let through, as KASAN does: the module goes on as it would in Linux.
//! Counterpart: mm/kfence/, mm/kasan/, the red zones of mm/slub.c.

use crate::mm::check::{Mode, Report};
use crate::mm::owned::{self, Block, Freed, Kind};
use crate::mm::{kasan, page};
use crate::{fault, log};
use machine::access::unwatched as access;
use machine::heap;
use machine::heap::guarded::{self, Pages};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the rest of a block's pages is filled with (`SLUB_RED_ACTIVE`).
const CANARY: u8 = 0xcc;
/// The least alignment of kmalloc's blocks.
const LEAST_ALIGN: usize = 8;
/// Freed blocks that stay closed: so many, and so many bytes.
const QUARANTINED: usize = 8192;
const QUARANTINED_BYTES: usize = 64 << 20;
const PAGE: usize = 4096;

#[derive(Default)]
struct Quarantine {
    blocks: VecDeque<Pages>,
    bytes: usize,
}

static QUARANTINE: Mutex<Option<Quarantine>> = Mutex::new(None);
/// Where the blocks lie that are guarded now, by their first page.
static BLOCKS: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());
/// What happened to blocks that were accessed wrongly, by their first page.
static TOUCHED: Mutex<BTreeMap<u64, Touched>> = Mutex::new(BTreeMap::new());
/// Blocks that are guarded now, and how many may be.
static LIVE: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(UNKNOWN);
const UNKNOWN: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Touched {
    /// Closed pages around the block that an access went to: they are open.
    around: Vec<Pages>,
    /// The block was freed, and an access went to it: it is open.
    reopened: bool,
    /// It is known to be written beyond: what its canaries tell is no news.
    told: bool,
}

fn touched() -> MutexGuard<'static, BTreeMap<u64, Touched>> {
    TOUCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks how many blocks can be guarded at once, if that is what is wanted; before the sandbox closes.
pub fn prepare(mode: Mode) {
    if matches!(mode, Mode::Guard | Mode::Exact) && MOST.load(Ordering::Relaxed) == UNKNOWN {
        // Linux's default where it cannot be read.
        let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
        MOST.store(most_for(text.trim().parse().unwrap_or(65_530)), Ordering::Relaxed);
    }
}

/// How many blocks a host that allows so many mappings (`vm.max_map_count`) can guard: each takes two, and some are left
/// for everything else.
fn most_for(max_map_count: u64) -> u64 {
    const OTHERS: u64 = 8192;
    max_map_count.saturating_sub(OTHERS) / 2
}

/// Takes pages that end at a closed one; `None` where the host cannot give them, which is said.
pub fn take(len: usize, align: usize) -> Option<Pages> {
    let full = LIVE.load(Ordering::Relaxed) >= MOST.load(Ordering::Relaxed);
    let Some(pages) = (if full { None } else { guarded::take(len, align) }) else {
        say_once();
        return None;
    };
    LIVE.fetch_add(1, Ordering::Relaxed);
    Some(pages)
}

/// Takes a zeroed block of `len` bytes that ends at a closed page; `None` where the host cannot give one.
pub fn alloc(len: usize, align: usize) -> Option<(u64, Pages)> {
    let align = align.max(LEAST_ALIGN);
    let room = len.max(1).checked_next_multiple_of(align.min(PAGE))?;
    let pages = take(room, align)?;
    let end = pages.start + pages.len as u64;
    let addr = (end - room as u64) & !(align as u64 - 1);
    // Memory of ours that nobody else has yet: these cannot fail.
    let _ = access::fill(addr, 0, len);
    let _ = access::fill(pages.start, CANARY, (addr - pages.start) as usize);
    fill_behind(addr, len, pages);
    for n in 0..(pages.len / PAGE) as u64 {
        let _ = page::make_slab(pages.start + n * PAGE as u64, 0);
    }
    kasan::on_alloc(pages, addr, len);
    blocks().insert(pages.start, addr);
    Some((addr, pages))
}

fn blocks() -> MutexGuard<'static, BTreeMap<u64, u64>> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The guarded block in whose pages `addr` lies, or which comes last before.
pub fn block_at(addr: u64) -> Option<u64> {
    blocks().range(..=addr).next_back().map(|(_, block)| *block)
}

/// Puts canaries behind the `len` bytes at `addr`.
pub fn fill_behind(addr: u64, len: usize, pages: Pages) {
    let end = pages.start + pages.len as u64;
    // The caller's memory: this cannot fail.
    let _ = access::fill(addr + len as u64, CANARY, (end - addr) as usize - len);
}

/// Without it nobody would know that less is found from here on.
pub fn say_once() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        log::line(
            4,
            "lkm: no more mappings for memory (vm.max_map_count): new blocks are not guarded while there are so many; \
             as root: sysctl vm.max_map_count=1000000",
        );
    }
}

/// Gives a block back: looks at its canaries, closes its pages.
pub fn free(addr: u64, block: &Block, pages: Pages) {
    check_canaries(addr, block, pages);
    blocks().remove(&pages.start);
    retire(pages);
}

/// Closes pages that came back; they are used again when many others came back, too.
pub fn retire(pages: Pages) {
    LIVE.fetch_sub(1, Ordering::Relaxed);
    kasan::on_free(pages);
    let known = touched().remove(&pages.start).unwrap_or_default();
    for page in known.around {
        guarded::open(page, false);
    }
    if !guarded::open(pages, false) {
        // Closing may take a mapping more; open and never used again is not wrong.
        return;
    }
    let mut quarantine = QUARANTINE.lock().unwrap_or_else(PoisonError::into_inner);
    let quarantine = quarantine.get_or_insert_default();
    quarantine.blocks.push_back(pages);
    quarantine.bytes += pages.len;
    while quarantine.blocks.len() > QUARANTINED || quarantine.bytes > QUARANTINED_BYTES {
        let Some(oldest) = quarantine.blocks.pop_front() else { break };
        quarantine.bytes -= oldest.len;
        guarded::open(oldest, false);
        touched().remove(&oldest.start);
        kasan::on_give(oldest);
        guarded::give(oldest);
    }
}

/// Changes the length of a block within its room; false if it does not fit.
pub fn resize(addr: u64, block: &Block, len: usize) -> bool {
    let Some(pages) = block.guard else { return false };
    check_canaries(addr, block, pages);
    let end = pages.start + pages.len as u64;
    if addr + len as u64 > end {
        return false;
    }
    kasan::on_alloc(pages, addr, len);
    fill_behind(addr, len, pages);
    true
}

/// The first byte in a range that is no canary: its address and value, and the last such address.
fn damage(start: u64, end: u64) -> Option<(u64, u8, u64)> {
    let mut bytes = vec![0; (end - start) as usize];
    access::read(start, &mut bytes).ok()?;
    let first = bytes.iter().position(|byte| *byte != CANARY)?;
    let last = bytes.iter().rposition(|byte| *byte != CANARY)?;
    Some((start + first as u64, *bytes.get(first)?, start + last as u64))
}

/// Tells if something was written around a block within its pages.
pub fn check_canaries(addr: u64, block: &Block, pages: Pages) {
    let told = touched().get_mut(&pages.start).is_some_and(|touched| std::mem::take(&mut touched.told));
    if told {
        return;
    }
    let behind = addr + block.len as u64;
    let left = damage(pages.start, addr).map(|found| ("Left Redzone overwritten", found));
    let right = damage(behind, pages.start + pages.len as u64).map(|found| ("Right Redzone overwritten", found));
    for (text, (first, value, last)) in left.into_iter().chain(right) {
        let place = if first < addr {
            format!("{} bytes before", addr - last)
        } else {
            format!("{} bytes past the end of", first - behind)
        };
        let what = format!("out-of-bounds write, found at the free: {place} a {}", block.describe());
        let detail = format!("{text}. First byte {value:#x} instead of {CANARY:#x}");
        Report::new(&cache_name(block), &detail, what)
            .here("found in")
            .chain("allocated in", &block.origin())
            .publish();
    }
}

/// The name of the cache that a block would come from.
pub fn cache_name(block: &Block) -> String {
    match &block.name {
        Some(name) => name.to_string(),
        None if block.kind == Kind::Vmalloc => "vmalloc".to_string(),
        None => kmalloc_name(heap::rounded(block.len.max(1))),
    }
}

/// The name of kmalloc's cache of this size.
pub fn kmalloc_name(size: usize) -> String {
    match size {
        8193.. => "kmalloc-large".to_string(),
        1024.. => format!("kmalloc-{}k", size >> 10),
        _ => format!("kmalloc-{size}"),
    }
}

#[test]
fn some_mappings_are_left_for_others() {
    assert_eq!([most_for(65_530), most_for(1000)], [28_669, 0]);
}

/// One past the last byte that belongs to a block's pages: they end with a closed page.
pub fn end_of(pages: Pages) -> u64 {
    pages.start + (pages.len + PAGE) as u64
}

/// Whether an access to a block's pages that ends before `end` is let through: they are open, as is the page behind them
/// if it goes so far.
pub fn is_open(pages: Pages, is_free: bool, end: u64) -> bool {
    let behind = pages.start + pages.len as u64;
    let touched = touched();
    let touched = touched.get(&pages.start);
    let is_behind_open = || touched.is_some_and(|block| block.around.iter().any(|page| page.start == behind));
    if is_free { touched.is_some_and(|block| block.reopened) } else { end <= behind || is_behind_open() }
}

/// An access that trapped, or is known to be wrong.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Its address.
    pub addr: u64,
    /// Bytes, if known.
    pub size: usize,
    /// True for a write.
    pub write: bool,
    /// The instruction; 0 for an access of lkm's on behalf of a module.
    pub ip: u64,
    /// The function that makes it on behalf of a module.
    pub by: Option<&'static str>,
}

impl Access {
    /// As reports call it: `read of 8 bytes`, `write of 13 bytes by strcpy`.
    pub fn text(self) -> String {
        let what = if self.write { "write" } else { "read" };
        let size = if self.size == 0 { String::new() } else { format!(" of {} bytes", self.size) };
        let by = self.by.map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{what}{size}{by}")
    }

    /// Reports it: KASAN's name for the kind of error, what is wrong in lkm's words, and what else is to be told.
    pub fn publish(self, title: &str, what: String, rest: impl FnOnce(Report) -> Report) {
        let origin = match self.ip {
            0 => owned::Origin::of(&fault::call_chain()),
            ip => owned::Origin { module: String::new(), made_by: vec![fault::frame_of_trap(ip)] },
        };
        // Work of the kernel's own has no module's function that called.
        let own = self.by.unwrap_or_default().to_string();
        let function = origin.made_by.first().map_or(own, |frame| frame.text.clone());
        let verb = if self.write { "Write" } else { "Read" };
        let access = format!("{verb} of size {} at addr {:016x}", self.size, self.addr);
        let report = Report::access(title, &function, &access, what);
        rest(report.chain("accessed in", &origin)).publish();
    }
}

/// An access to closed memory: reported; true if it can go on, since the page is open now.
pub fn on_fault(access: Access) -> bool {
    if let Some((start, freed)) = freed_with_page(access.addr) {
        report_freed(access, start, &freed);
        return freed.block.guard.is_some_and(|pages| {
            touched().entry(pages.start).or_default().reopened = true;
            guarded::open(pages, true)
        });
    }
    let near = 2 * PAGE as u64;
    let before = owned::memory_around(access.addr, near).map(|(start, block)| {
        let past = access.addr - (start + block.len as u64);
        (past, format!("{past} bytes past the end of a {}", block.describe()), block)
    });
    let behind = owned::memory_behind(access.addr, near).map(|(start, block)| {
        let gap = start - access.addr;
        (gap, format!("{gap} bytes before a {}", block.describe()), block)
    });
    // Between two blocks, it is the nearer one that was meant.
    let Some((_, place, block)) = before.into_iter().chain(behind).min_by_key(|found| found.0) else { return false };
    let title = if block.kind == Kind::Vmalloc { "vmalloc-out-of-bounds" } else { "slab-out-of-bounds" };
    let what = format!("out-of-bounds {}, {place}", access.text());
    access.publish(title, what, |report| report.chain("allocated in", &block.origin()));
    // Behind vmalloc's areas nothing is mapped in Linux either.
    let Some(pages) = block.guard else { return false };
    let page = Pages { start: access.addr & !(PAGE as u64 - 1), len: PAGE };
    touched().entry(pages.start).or_default().around.push(page);
    guarded::open(page, true)
}

/// Opens what an access that ends before `end` would trap at, as [`on_fault`] does.
pub fn open_up_to(pages: Pages, is_free: bool, end: u64) {
    let mut all = touched();
    let touched = all.entry(pages.start).or_default();
    let behind = pages.start + pages.len as u64;
    if is_free {
        touched.reopened = guarded::open(pages, true);
    }
    let page = Pages { start: behind, len: PAGE };
    if end > behind && !touched.around.contains(&page) && guarded::open(page, true) {
        touched.around.push(page);
    }
}

/// Reports an access around the block that begins at `start`, or to it after its free.
pub fn report_at(access: Access, start: u64) {
    if let Some(block) = owned::memory_at(start) {
        report_outside(access, start, &block);
    } else if let Some((_, freed)) = owned::freed_around(start) {
        report_freed(access, start, &freed);
    }
}

fn report_outside(access: Access, start: u64, block: &Block) {
    let end = start + block.len as u64;
    let place = match (access.addr.checked_sub(end), start.checked_sub(access.addr)) {
        (Some(past), _) => format!("{past} bytes past the end of"),
        (_, Some(before)) if before > 0 => format!("{before} bytes before"),
        _ => format!("its last {} bytes past the end of", access.addr + access.size as u64 - end),
    };
    let what = format!("out-of-bounds {}, {place} a {}", access.text(), block.describe());
    access.publish("slab-out-of-bounds", what, |report| report.chain("allocated in", &block.origin()));
    if let Some(pages) = block.guard.filter(|_| access.write) {
        touched().entry(pages.start).or_default().told = true;
    }
}

/// The freed block in whose pages, which are closed still, `addr` lies.
fn freed_with_page(addr: u64) -> Option<(u64, Freed)> {
    if let Some(found) = owned::freed_around(addr) {
        return Some(found);
    }
    let page = addr & !(PAGE as u64 - 1);
    let (start, freed) = owned::freed_before(page + PAGE as u64)?;
    let pages = freed.block.guard?;
    (addr.wrapping_sub(pages.start) < pages.len as u64).then_some((start, freed))
}

fn report_freed(access: Access, start: u64, freed: &Freed) {
    let place = match access.addr.checked_sub(start) {
        Some(offset) => format!("{offset} bytes into"),
        None => format!("{} bytes before", start - access.addr),
    };
    let what = format!("use after free: {}, {place} a {}", access.text(), freed.block.describe());
    access.publish("use-after-free", what, |report| report.freed(freed));
}
