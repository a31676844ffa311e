//! Page structures: what modules see of the instance's memory. Counterpart: include/linux/{mm,mm_types,page-flags}.h.
//!
//! lkm's own knowledge of pages is `machine::heap`'s; these structures follow it. Modules read and write them inline:
//! reference counts are only here.

use kabi::{Field, KPtr, KResult, profile};
use machine::{access, heap};
use std::sync::OnceLock;

/// `struct page`.
#[derive(Debug, Clone, Copy)]
pub struct Page;

/// Bytes of a page's structure.
const STRUCT: u64 = 64;
/// Bytes of a page.
pub const PAGE: u64 = 4096;

static FLAGS: Field = Field::new("page", "flags");
static MAPCOUNT: Field = Field::new("page", "_mapcount.counter");
static REFCOUNT: Field = Field::new("page", "_refcount.counter");
static HEAD: Field = Field::new("page", "compound_head");
/// Of the first tail page, up to 6.5.
static ORDER: Field = Field::new("page", "compound_order");
static NR: Field = Field::new("page", "compound_nr");
static COMPOUND_MAPCOUNT: Field = Field::new("page", "compound_mapcount.counter");
/// The same as members of the folio, later.
static FOLIO_ORDER: Field = Field::new("folio", "_flags_1");
static FOLIO_NR: Field = Field::new("folio", "_folio_nr_pages");
static LARGE_MAPCOUNT: Field = Field::new("folio", "_large_mapcount.counter");
static ENTIRE_MAPCOUNT: Field = Field::new("folio", "_entire_mapcount.counter");

/// Bit numbers of a flag, where the kernel has it as one.
fn flag(name: &'static str, known: &OnceLock<u64>) -> u64 {
    *known.get_or_init(|| profile().enum_value(name).map_or(0, |bit| 1 << (bit & 63)))
}

fn head_flag() -> u64 {
    static BIT: OnceLock<u64> = OnceLock::new();
    flag("PG_head", &BIT)
}

/// Up to 6.9 a flag; later a type in the place of the count of mappings.
fn slab_flag() -> u64 {
    static BIT: OnceLock<u64> = OnceLock::new();
    if slab_type().is_some() { 0 } else { flag("PG_slab", &BIT) }
}

fn slab_type() -> Option<u32> {
    static TYPE: OnceLock<Option<u32>> = OnceLock::new();
    *TYPE.get_or_init(|| profile().enum_value("PGTY_slab").map(|value| (value as u32) << 24))
}

/// The structure of the page that contains `addr`; `None` outside of the memory that has pages.
pub fn of(addr: u64) -> Option<KPtr<Page>> {
    let offset = addr.wrapping_sub(heap::base());
    (offset < heap::LEN).then(|| KPtr::new(heap::vmemmap() + offset / PAGE * STRUCT))
}

/// The address of a page, from its structure; `None` if there is no such page.
pub fn address(page: KPtr<Page>) -> Option<u64> {
    let number = page.addr().wrapping_sub(heap::vmemmap()) / STRUCT;
    (number < heap::LEN / PAGE).then(|| heap::base() + number * PAGE)
}

/// The structure of the page `n` further on.
fn nth(page: KPtr<Page>, n: u64) -> KPtr<Page> {
    page.offset(n * STRUCT)
}

/// Makes the structures of a fresh run: each page alone, the first with one reference.
///
/// # Errors
/// When the kernel's pages look different from all that is known.
pub fn set_up(addr: u64, pages: u64, references: u32) -> KResult<KPtr<Page>> {
    let page = of(addr).ok_or(kabi::errno::ENOMEM)?;
    access::fill(page.addr(), 0, (pages * STRUCT) as usize)?;
    for n in 0..pages {
        MAPCOUNT.put(nth(page, n), u32::MAX)?;
    }
    REFCOUNT.put(page, references)?;
    Ok(page)
}

/// Makes one compound page of a run that was [`set_up`].
///
/// # Errors
/// As there.
pub fn make_compound(page: KPtr<Page>, order: u8) -> KResult {
    if order == 0 {
        return Ok(());
    }
    FLAGS.put(page, head_flag())?;
    for n in 1..1 << order {
        HEAD.put(nth(page, n), page.addr() | 1)?;
    }
    if ORDER.exists() {
        let first = nth(page, 1);
        ORDER.put(first, order)?;
        NR.put(first, 1u32 << order)?;
        COMPOUND_MAPCOUNT.put(first, u32::MAX)?;
    } else {
        FOLIO_ORDER.put(page, u64::from(order))?;
        FOLIO_NR.put(page, 1u32 << order)?;
        LARGE_MAPCOUNT.put(page, u32::MAX)?;
        ENTIRE_MAPCOUNT.put(page, u32::MAX)?;
    }
    Ok(())
}

/// Says that a run is a slab.
///
/// # Errors
/// As [`set_up`].
pub fn make_slab(addr: u64, order: u8) -> KResult {
    let page = set_up(addr, 1 << order, 1)?;
    make_compound(page, order)?;
    match slab_type() {
        Some(slab) => MAPCOUNT.put(page, slab),
        None => FLAGS.put(page, FLAGS.get::<u64, _>(page)? | slab_flag()),
    }
}

/// The structures of pages that were given back.
///
/// # Errors
/// As [`set_up`].
pub fn clear(addr: u64, pages: u64) -> KResult {
    set_up(addr, pages, 0).map(|_| ())
}

/// The machine's hook: pages became a slab, or no longer are one.
pub fn on_slab(addr: u64, order: u8, made: bool) {
    let pages = 1 << order;
    // Memory of ours, and members that boot has looked for.
    let _ = if made { make_slab(addr, order) } else { clear(addr, pages) };
}

/// The first page of the compound page that this one belongs to, or itself.
///
/// # Errors
/// When the structure cannot be read.
pub fn head(page: KPtr<Page>) -> KResult<KPtr<Page>> {
    let word: u64 = HEAD.get(page)?;
    Ok(if word & 1 == 1 { KPtr::new(word - 1) } else { page })
}

/// True for the first page of a compound page.
///
/// # Errors
/// As [`head`].
pub fn is_head(page: KPtr<Page>) -> KResult<bool> {
    Ok(FLAGS.get::<u64, _>(page)? & head_flag() != 0)
}

/// The order of a compound page; 0 for any other.
///
/// # Errors
/// As [`head`].
pub fn order(page: KPtr<Page>) -> KResult<u8> {
    if !is_head(page)? {
        return Ok(0);
    }
    if ORDER.exists() { ORDER.get(nth(page, 1)) } else { Ok(FOLIO_ORDER.get::<u64, _>(page)? as u8) }
}

/// Puts a page at the end of a list, by its `lru` member.
///
/// # Errors
/// When the list cannot be reached.
pub fn add_to_list(page: KPtr<Page>, list: KPtr) -> KResult {
    static LRU: Field = Field::new("page", "lru");
    let node = LRU.of(page)?;
    let last: KPtr = KPtr::new(list.get(8)?);
    node.put(0, list.addr())?;
    node.put(8, last.addr())?;
    last.put(0, node.addr())?;
    list.put(8, node.addr())
}

/// Gives each page of a run that is no compound page its own reference.
///
/// # Errors
/// As [`head`].
pub fn split(page: KPtr<Page>, pages: u64) -> KResult {
    let count: u32 = REFCOUNT.get(page)?;
    (1..pages).try_for_each(|n| REFCOUNT.put(nth(page, n), count))
}

/// Takes `n` references away: true if none is left.
///
/// # Errors
/// As [`head`].
pub fn put(page: KPtr<Page>, n: u32) -> KResult<bool> {
    let was = access::fetch_add_u32(REFCOUNT.of(page)?.addr(), n.wrapping_neg())?;
    Ok(was == n)
}

/// Adds `n` references.
///
/// # Errors
/// As [`head`].
pub fn hold(page: KPtr<Page>, n: u32) -> KResult {
    access::fetch_add_u32(REFCOUNT.of(page)?.addr(), n)?;
    Ok(())
}

/// Sets the references of a page that nobody else has.
///
/// # Errors
/// As [`head`].
pub fn set_references(page: KPtr<Page>, n: u32) -> KResult {
    REFCOUNT.put(page, n)
}

/// A page's references.
///
/// # Errors
/// As [`head`].
pub fn references(page: KPtr<Page>) -> KResult<i32> {
    REFCOUNT.get(page)
}
