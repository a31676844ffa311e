//! What of the kernel's memory may be copied to and from programs. Counterpart: mm/usercopy.c, mm/slub.c
//! (`__check_heap_object`).

use super::owned::{self, Kind};
use super::{guard, kmem_cache, page, vmalloc};
use crate::{fault, log};
use kabi::{KPtr, KResult, exports, kexport};
use machine::heap::{self, Spot, slab};
use machine::{enter, task};

exports![__check_object_size];

/// `ZERO_SIZE_PTR`.
const ZERO_SIZE: u64 = 16;

/// Why memory must not be copied.
#[derive(Debug, PartialEq, Eq)]
struct Objection {
    what: &'static str,
    /// The name of the cache, or more of the reason.
    detail: Option<String>,
    offset: u64,
}

impl Objection {
    fn new(what: &'static str, offset: u64) -> Self {
        Self { what, detail: None, offset }
    }
}

/// The part of an object that programs may be given.
#[derive(Debug)]
pub struct Region {
    /// The name of the cache.
    pub name: String,
    /// Where it begins.
    pub start: u64,
    /// Its length.
    pub len: u64,
}

/// `len` is not 0.
fn objection(start: u64, len: u64) -> Option<Objection> {
    let (bottom, top) = task::stack().unwrap_or_default();
    match start {
        _ if start.checked_add(len - 1).is_none() => Some(Objection::new("wrapped address", 0)),
        0..=ZERO_SIZE => Some(Objection::new("null address", start)),
        _ if start < top && start + len > bottom => {
            // Without a frame there is no caller whose stack it could be.
            let sp = enter::stretches().first().map_or(bottom, |stretch| stretch.border);
            in_stack(start, len, sp, top)
        }
        _ if heap::vmap::contains(start) => in_vmalloc(start, len),
        _ => in_heap(start, len),
    }
}

/// What is in use of a stack reaches from the stack pointer to its end; the distance from there is what the kernel tells.
fn in_stack(start: u64, len: u64, sp: u64, top: u64) -> Option<Objection> {
    (start < sp || len > top - start).then(|| Objection::new("process stack", sp.wrapping_sub(start)))
}

/// An area ends behind its closed page.
fn in_vmalloc(start: u64, len: u64) -> Option<Objection> {
    let Some((area, size)) = vmalloc::area_of(start) else {
        return Some(Objection { detail: Some("no area".into()), ..Objection::new("vmalloc", 0) });
    };
    let left = area + size + page::PAGE - start;
    (len > left).then(|| Objection::new("vmalloc", start - area))
}

fn in_heap(start: u64, len: u64) -> Option<Objection> {
    match heap::spot(start)? {
        Spot::Slab { cache, object, size } => {
            let region = kmem_cache::region_of(cache).unwrap_or_else(|| of_kmalloc(size));
            in_object(region, start - object, len)
        }
        Spot::Run { head, order } => in_pages(start - head, page::PAGE << order, len),
        Spot::Guarded => in_guarded(start, len),
        Spot::Free => None,
    }
}

/// All of an object of kmalloc's.
fn of_kmalloc(size: usize) -> Region {
    Region { name: guard::kmalloc_name(size), start: 0, len: size as u64 }
}

fn in_object(region: Region, offset: u64, len: u64) -> Option<Objection> {
    let inside = offset.checked_sub(region.start).is_some_and(|at| at <= region.len && len <= region.len - at);
    (!inside).then(|| Objection { detail: Some(region.name), ..Objection::new("SLUB object", offset) })
}

fn in_pages(offset: u64, size: u64, len: u64) -> Option<Objection> {
    // Of single pages the kernel knows nothing.
    (size > page::PAGE && len > size - offset).then(|| Objection::new("page alloc", offset))
}

fn in_guarded(start: u64, len: u64) -> Option<Objection> {
    let object = guard::block_at(start)?;
    let block = owned::memory_at(object)?;
    let offset = start.wrapping_sub(object);
    let size = heap::rounded(block.len.max(1));
    match (block.kind, &block.name) {
        (Kind::Object, Some(name)) => in_object(kmem_cache::region_of_name(name)?, offset, len),
        _ if size > slab::SIZES[slab::SIZES.len() - 1] => in_pages(offset, size as u64, len),
        _ => in_object(of_kmalloc(size), offset, len),
    }
}

/// Stops a copy whose kernel side is no object, or not in the part of one that programs may be given.
#[kexport(since = "4.8", header = "linux/uaccess.h", partial = "a copy of the kernel's text is not seen")]
fn __check_object_size(start: KPtr, len: usize, to_user: bool) -> KResult {
    if len == 0 {
        return Ok(());
    }
    let Some(Objection { what, detail, offset }) = objection(start.addr(), len as u64) else { return Ok(()) };
    let (verb, direction) = if to_user { ("exposure", "from") } else { ("overwrite", "to") };
    let detail = detail.map(|detail| format!(" '{detail}'")).unwrap_or_default();
    let size = if what == "wrapped address" { start.addr().wrapping_add(len as u64) } else { len as u64 };
    let place = format!("{what}{detail} (offset {offset}, size {size})");
    log::line(0, &format!("usercopy: Kernel memory {verb} attempt detected {direction} {place}!"));
    Err(fault::bug_in("usercopy_abort", "mm/usercopy.c", 0))
}

#[test]
fn only_the_part_of_an_object_may_be_copied() {
    let region = || Region { name: "part".into(), start: 16, len: 24 };
    assert_eq!([(16, 24), (40, 0), (20, 20)].map(|(at, len)| in_object(region(), at, len)), [const { None }; 3]);
    for (at, len) in [(15, 1), (16, 25), (40, 1), (41, 0)] {
        let found = in_object(region(), at, len);
        assert_eq!(found.map(|f| (f.what, f.offset)), Some(("SLUB object", at)), "{at} {len}");
    }
}

#[test]
fn only_what_is_in_use_of_a_stack_may_be_copied() {
    let told = |start, len| in_stack(start, len, 0x7000, 0x8000).map(|found| found.offset);
    assert_eq!([told(0x7000, 8), told(0x7000, 0x1000), told(0x7fff, 1)], [None; 3]);
    assert_eq!([told(0x7ff8, 9), told(0x6ff8, 8), told(0x6ff8, 0x2000)], [Some(-0xff8i64 as u64), Some(8), Some(8)]);
}
