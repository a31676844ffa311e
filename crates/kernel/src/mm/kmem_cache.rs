//! Caches of objects of one kind. Counterpart: mm/slab_common.c, mm/slub.c.
//!
//! DIFFERS: Linux merges caches of like sizes and flags; here each is its own. Memory of an RCU-typed cache stays a
//! cache's until that is destroyed, so that readers of freed objects always see one.

use super::check::{self, Mode, Report};
use super::owned::{self, Block, Kind};
use super::usercopy::Region;
use super::{guard, slab};
use crate::{env, fault, module};
use kabi::border::border;
use kabi::errno::ENOMEM;
use kabi::{
    Field, IntoAbi, KError, KPtr, KResult, KStr, NullPtr, c_int, c_uint, exports, kexport, profile, size_of_struct,
};
use machine::access;
use machine::heap::{self, Spot, magazines};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

mod create;
mod leftovers;

use create::{Wish, make};

exports![
    kmem_cache_create,
    kmem_cache_create_usercopy,
    __kmem_cache_create_args,
    kmem_cache_destroy,
    kmem_cache_shrink,
    kmem_cache_size,
    kmem_cache_alloc,
    kmem_cache_alloc_lru,
    kmem_cache_alloc_node,
    kmem_cache_alloc_bulk,
    kmem_cache_free,
    kmem_cache_free_bulk,
];

/// `struct kmem_cache`.
#[derive(Debug)]
pub struct KmemCache;

static NAME: Field = Field::new("kmem_cache", "name");
static SIZE: Field = Field::new("kmem_cache", "size");
static OBJECT_SIZE: Field = Field::new("kmem_cache", "object_size");

/// What `kmem_cache`s are called in reports.
const CACHE: Kind = Kind::Other("kmem_cache");
/// `__GFP_ZERO`.
const GFP_ZERO: u32 = 0x100;

struct Cache {
    name: Arc<str>,
    object_size: usize,
    align: usize,
    flags: u32,
    /// The constructor; 0 for none.
    ctor: u64,
    /// What of an object programs may be given: from where, and how much.
    usercopy: (u32, u32),
    objects: Arc<heap::slab::Cache>,
}

impl Cache {
    /// Debian clears memory that nobody wants to find as it was.
    fn clears(&self) -> bool {
        self.ctor == 0 && !typesafe(self.flags)
    }

    /// In fast mode this thread keeps objects from here on, and takes and gives them without asking anybody.
    fn prepare(&self, p: KPtr<KmemCache>) {
        if check::mode() == Mode::Fast {
            let clear = if self.clears() { self.object_size } else { 0 };
            magazines::prepare(p.addr(), &self.objects, clear);
        }
    }
}

static CACHES: RwLock<Option<HashMap<u64, Arc<Cache>>>> = RwLock::new(None);

fn find(p: KPtr<KmemCache>) -> KResult<Arc<Cache>> {
    let caches = CACHES.read().unwrap_or_else(PoisonError::into_inner);
    let found = caches.as_ref().and_then(|caches| caches.get(&p.addr()).map(Arc::clone));
    found.ok_or(KError::Bug("a pointer to a kmem_cache that does not exist"))
}

/// A flag of a cache: numbered anew with 6.10.
fn flag(name: &str, old: u32) -> u32 {
    profile().enum_value(&format!("_{name}")).map_or(old, |bit| 1 << (bit & 31))
}

fn typesafe(flags: u32) -> bool {
    flags & flag("SLAB_TYPESAFE_BY_RCU", 0x8_0000) != 0
}

fn construct(cache: &Cache, objects: &[u64]) -> KResult {
    if cache.ctor == 0 {
        return Ok(());
    }
    objects.iter().try_for_each(|object| kabi::call(cache.ctor, &[*object]).map(|_| ()))
}

/// An object between closed pages, if the mode and the cache allow it.
fn guarded(cache: &Cache) -> KResult<Option<(u64, heap::guarded::Pages)>> {
    if !check::guards() || typesafe(cache.flags) {
        return Ok(None);
    }
    let Some(found) = guard::alloc(cache.object_size, cache.align) else { return Ok(None) };
    construct(cache, &[found.0])?;
    Ok(Some(found))
}

fn alloc(p: KPtr<KmemCache>, flags: u32) -> KResult<KPtr> {
    let cache = find(p)?;
    let mut block = None;
    if check::mode() != Mode::Fast {
        block = Some(Block { name: Some(Arc::clone(&cache.name)), ..Block::new(Kind::Object, cache.object_size) });
    }
    let addr = match guarded(&cache)? {
        Some((addr, pages)) => {
            block = block.map(|block| Block { guard: Some(pages), ..block });
            addr
        }
        None => {
            let mut made = Ok(());
            let object = cache.objects.take(&mut |fresh| made = construct(&cache, fresh)).ok_or(ENOMEM)?;
            made?;
            if flags & GFP_ZERO != 0 || cache.clears() {
                access::fill(object, 0, cache.object_size)?;
            }
            cache.prepare(p);
            object
        }
    };
    if let Some(block) = block {
        owned::note(addr, block);
    }
    Ok(KPtr::new(addr))
}

/// [`alloc`] for module code: what this thread keeps is given without further ado.
#[inline(always)]
fn take(p: KPtr<KmemCache>, flags: u32) -> KPtr {
    let kept = if check::mode() == Mode::Fast { magazines::take(p.addr(), flags & GFP_ZERO != 0) } else { None };
    KPtr::new(kept.unwrap_or_else(|| alloc_slowly(p, flags)))
}

#[inline(never)]
fn alloc_slowly(p: KPtr<KmemCache>, flags: u32) -> u64 {
    border("kmem_cache_alloc", || NullPtr::<()>(alloc(p, flags)).into_abi())
}

#[inline(never)]
fn free_slowly(p: KPtr<KmemCache>, object: KPtr) {
    border("kmem_cache_free", || free(p, object).map(|()| 0));
}

fn region(cache: &Cache) -> Region {
    let (start, len) = cache.usercopy;
    Region { name: cache.name.to_string(), start: start.into(), len: len.into() }
}

/// What programs may be given of the objects of the cache with this number in `machine::heap`; `None` for kmalloc's.
pub fn region_of(number: u32) -> Option<Region> {
    let caches = CACHES.read().unwrap_or_else(PoisonError::into_inner);
    caches.iter().flatten().find(|(_, made)| made.objects.number() == number).map(|(_, cache)| region(cache))
}

/// The same by name.
pub fn region_of_name(name: &str) -> Option<Region> {
    let caches = CACHES.read().unwrap_or_else(PoisonError::into_inner);
    caches.iter().flatten().find(|(_, made)| &*made.name == name).map(|(_, cache)| region(cache))
}

/// The name of the cache that an object is from.
fn name_of_owner(addr: u64, block: Option<&Block>) -> Option<String> {
    if let Some(block) = block {
        return Some(guard::cache_name(block));
    }
    let Some(Spot::Slab { cache, size, .. }) = heap::spot(addr) else { return None };
    let caches = CACHES.read().unwrap_or_else(PoisonError::into_inner);
    let made = caches.iter().flatten().find(|(_, made)| made.objects.number() == cache);
    Some(made.map_or_else(|| format!("kmalloc-{size}"), |(_, made)| made.name.to_string()))
}

fn free(p: KPtr<KmemCache>, object: KPtr) -> KResult {
    let cache = find(p)?;
    let block = owned::memory_at(object.addr());
    let foreign = match (heap::spot(object.addr()), &block) {
        (Some(Spot::Slab { cache: number, .. }), _) => number != cache.objects.number(),
        (_, Some(block)) => block.name.as_deref() != Some(&*cache.name),
        _ => false,
    };
    if foreign && let Some(owner) = name_of_owner(object.addr(), block.as_ref()) {
        let text = format!("cache_from_obj: Wrong slab cache. {} but object is from {owner}", cache.name);
        let (function, file) =
            if env::version() >= (6, 2) { ("kmem_cache_free", "mm/slub.c") } else { ("cache_from_obj", "mm/slab.h") };
        fault::warn_in(function, file, 0, Some(&text));
        let what = format!("kmem_cache_free to {} of an object of {owner}", cache.name);
        let report = Report::new(&cache.name, "Wrong slab cache", what).here("freed in");
        let report = block.as_ref().map(|block| block.origin()).iter().fold(report, |r, o| r.chain("allocated in", o));
        report.publish();
    }
    if !foreign {
        cache.prepare(p);
        match magazines::give(p.addr(), object.addr()) {
            Some(true) => return Ok(()),
            Some(false) => return Err(slab::double_free()),
            None => {}
        }
    }
    slab::free(object, "kmem_cache_free")
}

fn destroy(p: KPtr<KmemCache>) -> KResult {
    let cache = find(p)?;
    let left = leftovers::left_in(&cache);
    if !left.is_empty() {
        leftovers::complain(&cache, &left);
        let caller = fault::describe(module::callers().first().copied().unwrap_or(0));
        let text = format!("kmem_cache_destroy {}: Slab cache still has objects when called from {caller}", cache.name);
        fault::warn_in("kmem_cache_destroy", "mm/slab_common.c", 0, Some(&text));
        return Ok(());
    }
    CACHES.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().remove(&p.addr());
    heap::slab::destroy(&cache.objects);
    heap::free(NAME.get(p)?, cache.name.len() + 1);
    heap::free(p.addr(), size_of_struct("kmem_cache")?);
    owned::take(CACHE, p.addr());
    Ok(())
}

/// Makes a cache of objects of `size` bytes; NULL, with a line in the log, if that cannot be.
#[kexport(since = "2.6.0", until = "6.11", header = "linux/slab.h")]
fn kmem_cache_create(
    name: Option<KStr>,
    size: c_uint,
    align: c_uint,
    flags: u32,
    ctor: u64,
) -> KResult<KPtr<KmemCache>> {
    make("kmem_cache_create_usercopy", name, &Wish::new(size, align, flags, ctor, (0, 0)))
}

/// [`kmem_cache_create`] with the part of an object that programs may be given.
#[kexport(since = "4.16", until = "6.11", header = "linux/slab.h")]
fn kmem_cache_create_usercopy(
    name: Option<KStr>,
    size: c_uint,
    align: c_uint,
    flags: u32,
    offset: c_uint,
    len: c_uint,
    ctor: u64,
) -> KResult<KPtr<KmemCache>> {
    make("kmem_cache_create_usercopy", name, &Wish::new(size, align, flags, ctor, (offset, len)))
}

/// [`kmem_cache_create`] of newer kernels.
#[kexport(since = "6.12", header = "linux/slab.h")]
fn __kmem_cache_create_args(name: Option<KStr>, size: c_uint, args: KPtr, flags: u32) -> KResult<KPtr<KmemCache>> {
    static ALIGN: Field = Field::new("kmem_cache_args", "align");
    static CTOR: Field = Field::new("kmem_cache_args", "ctor");
    static OFFSET: Field = Field::new("kmem_cache_args", "useroffset");
    static LEN: Field = Field::new("kmem_cache_args", "usersize");
    let usercopy = (OFFSET.get(args)?, LEN.get(args)?);
    let wish = Wish::new(size, ALIGN.get(args)?, flags, CTOR.get(args)?, usercopy);
    make("__kmem_cache_create_args", name, &wish)
}

/// Ends a cache, whose objects must have been given back. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kmem_cache_destroy(p: KPtr<KmemCache>) -> KResult {
    if p.is_null() { Ok(()) } else { destroy(p) }
}

/// Gives memory back that no object uses: 0.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kmem_cache_shrink(p: KPtr<KmemCache>) -> KResult<c_int> {
    find(p)?.objects.shrink();
    Ok(0)
}

/// Bytes of a cache's objects.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kmem_cache_size(p: KPtr<KmemCache>) -> KResult<c_uint> {
    Ok(find(p)?.object_size as c_uint)
}

/// Takes an object.
#[kexport(since = "2.6.0", header = "linux/slab.h", symbol = "kmem_cache_alloc_noprof")]
fn kmem_cache_alloc(p: KPtr<KmemCache>, flags: u32) -> KPtr {
    take(p, flags)
}

/// [`kmem_cache_alloc`] for an object of a list of least recently used ones.
#[kexport(since = "5.18", header = "linux/slab.h", symbol = "kmem_cache_alloc_lru_noprof")]
fn kmem_cache_alloc_lru(p: KPtr<KmemCache>, _list: KPtr, flags: u32) -> KPtr {
    take(p, flags)
}

/// [`kmem_cache_alloc`] on a memory node; there is one.
#[kexport(since = "2.6.12", header = "linux/slab.h", symbol = "kmem_cache_alloc_node_noprof")]
fn kmem_cache_alloc_node(p: KPtr<KmemCache>, flags: u32, _node: c_int) -> KPtr {
    take(p, flags)
}

/// Takes `count` objects: all or none.
#[kexport(since = "4.3", header = "linux/slab.h", symbol = "kmem_cache_alloc_bulk_noprof")]
fn kmem_cache_alloc_bulk(p: KPtr<KmemCache>, flags: u32, count: usize, list: KPtr) -> KResult<c_int> {
    for n in 0..count as u64 {
        match alloc(p, flags) {
            Ok(object) => list.put(8 * n, object.addr())?,
            Err(KError::Errno(_)) => {
                free_bulk(p, n, list)?;
                return Ok(0);
            }
            Err(other) => return Err(other),
        }
    }
    Ok(count as c_int)
}

fn free_bulk(p: KPtr<KmemCache>, count: u64, list: KPtr) -> KResult {
    for n in 0..count {
        let object = KPtr::new(list.get(8 * n)?);
        // Without a cache the objects are kmalloc's.
        if p.is_null() { slab::free(object, "kfree_bulk")? } else { free(p, object)? }
    }
    Ok(())
}

/// Gives an object back.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kmem_cache_free(p: KPtr<KmemCache>, object: KPtr) {
    let kept = if check::mode() == Mode::Fast { magazines::give(p.addr(), object.addr()) } else { None };
    if kept != Some(true) {
        free_slowly(p, object);
    }
}

/// Gives `count` objects back.
#[kexport(since = "4.3", header = "linux/slab.h")]
fn kmem_cache_free_bulk(p: KPtr<KmemCache>, count: usize, list: KPtr) -> KResult {
    free_bulk(p, count as u64, list)
}

/// Takes an object for a pool.
///
/// # Errors
/// `ENOMEM`.
pub fn alloc_for_pool(p: KPtr<KmemCache>, flags: u32) -> KResult<KPtr> {
    alloc(p, flags)
}

/// Gives an object of a pool back.
///
/// # Errors
/// What stops the caller.
pub fn free_of_pool(p: KPtr<KmemCache>, object: KPtr) -> KResult {
    free(p, object)
}
