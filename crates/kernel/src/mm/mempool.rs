//! Pools of elements that an allocation never fails to get. Counterpart: mm/mempool.c.

use super::kmem_cache::{self, KmemCache};
use super::owned::{self, Block, Kind};
use super::{page, page_alloc, slab, util};
use crate::klib::list::init_list_head;
use crate::sched;
use kabi::errno::ENOMEM;
use kabi::{Field, KError, KPtr, KResult, NullPtr, c_int, exports, kexport, size_of_struct};
use machine::{access, heap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

exports![
    mempool_create,
    mempool_create_node,
    mempool_init,
    mempool_init_node,
    mempool_resize,
    mempool_destroy,
    mempool_exit,
    mempool_alloc,
    mempool_alloc_preallocated,
    mempool_free,
    mempool_alloc_slab,
    mempool_free_slab,
    mempool_kmalloc,
    mempool_kfree,
    mempool_kvmalloc,
    mempool_kvfree,
    mempool_alloc_pages,
    mempool_free_pages,
];

/// `mempool_t`.
#[derive(Debug)]
pub struct Pool;

static MIN: Field = Field::new("mempool_s", "min_nr");
static HAVE: Field = Field::new("mempool_s", "curr_nr");
static ELEMENTS: Field = Field::new("mempool_s", "elements");
static DATA: Field = Field::new("mempool_s", "pool_data");
static ALLOC: Field = Field::new("mempool_s", "alloc");
static FREE: Field = Field::new("mempool_s", "free");

const POOL: Kind = Kind::Other("mempool");
/// `__GFP_DIRECT_RECLAIM`: the caller may sleep.
const MAY_SLEEP: u32 = 0x400;
/// `__GFP_DIRECT_RECLAIM | __GFP_IO`, which the first try goes without.
const PATIENT: u32 = MAY_SLEEP | 0x40;
/// `GFP_KERNEL`.
const GFP_KERNEL: u32 = 0xcc0;
/// Between two looks at an empty pool.
const AGAIN: Duration = Duration::from_millis(1);

/// One for all pools: it is held for a few accesses.
static LOCK: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the last element of the reserve.
fn remove(pool: KPtr<Pool>) -> KResult<Option<u64>> {
    let _held = lock();
    let have: i32 = HAVE.get(pool)?;
    if have <= 0 {
        return Ok(None);
    }
    HAVE.put(pool, have - 1)?;
    let elements: KPtr = KPtr::new(ELEMENTS.get(pool)?);
    elements.get(8 * (have as u64 - 1)).map(Some)
}

/// Puts an element into the reserve; false if that is full.
fn add(pool: KPtr<Pool>, element: u64) -> KResult<bool> {
    let _held = lock();
    let (have, min): (i32, i32) = (HAVE.get(pool)?, MIN.get(pool)?);
    if have < 0 || have >= min {
        return Ok(false);
    }
    let elements: KPtr = KPtr::new(ELEMENTS.get(pool)?);
    elements.put(8 * have as u64, element)?;
    HAVE.put(pool, have + 1)?;
    Ok(true)
}

fn make_element(pool: KPtr<Pool>, flags: u32) -> KResult<u64> {
    kabi::call(ALLOC.get(pool)?, &[u64::from(flags), DATA.get(pool)?])
}

fn free_element(pool: KPtr<Pool>, element: u64) -> KResult {
    kabi::call(FREE.get(pool)?, &[element, DATA.get(pool)?]).map(|_| ())
}

/// Fills the reserve as far as it goes: true if it is full.
fn fill(pool: KPtr<Pool>, flags: u32) -> KResult<bool> {
    while HAVE.get::<i32, _>(pool)? < MIN.get::<i32, _>(pool)? {
        let element = make_element(pool, flags)?;
        if element == 0 {
            return Ok(false);
        }
        if !add(pool, element)? {
            free_element(pool, element)?;
        }
    }
    Ok(true)
}

fn elements(count: i32) -> KResult<u64> {
    let count = usize::try_from(count).map_err(|_| ENOMEM)?.max(1);
    Ok(heap::alloc(count.checked_mul(8).ok_or(ENOMEM)?).ok_or(ENOMEM)?)
}

fn init(pool: KPtr<Pool>, min: c_int, functions: [u64; 2], data: u64, flags: u32) -> KResult {
    access::fill(pool.addr(), 0, size_of_struct("mempool_s")?)?;
    MIN.put(pool, min)?;
    ALLOC.put(pool, functions[0])?;
    FREE.put(pool, functions[1])?;
    DATA.put(pool, data)?;
    static WAIT: Field = Field::new("mempool_s", "wait.head");
    init_list_head(WAIT.of(pool)?)?;
    ELEMENTS.put(pool, elements(min)?)?;
    owned::note(pool.addr(), Block::new(POOL, 0));
    if fill(pool, flags)? {
        return Ok(());
    }
    exit(pool)?;
    Err(ENOMEM.into())
}

fn exit(pool: KPtr<Pool>) -> KResult {
    while let Some(element) = remove(pool)? {
        free_element(pool, element)?;
    }
    let array: u64 = ELEMENTS.get(pool)?;
    if array != 0 {
        heap::free(array, 8 * MIN.get::<u32, _>(pool)? as usize);
    }
    ELEMENTS.put(pool, 0u64)?;
    owned::take(POOL, pool.addr());
    Ok(())
}

fn create(min: c_int, functions: [u64; 2], data: u64, flags: u32) -> KResult<KPtr<Pool>> {
    let size = size_of_struct("mempool_s")?;
    let pool = KPtr::new(heap::alloc(size).ok_or(ENOMEM)?);
    match init(pool, min, functions, data, flags) {
        Ok(()) => Ok(pool),
        Err(e) => {
            heap::free(pool.addr(), size);
            Err(e)
        }
    }
}

/// Makes a pool with a reserve of `min` elements.
#[kexport(since = "2.6.0", until = "6.10", header = "linux/mempool.h")]
fn mempool_create(min: c_int, alloc: u64, free: u64, data: u64) -> NullPtr<Pool> {
    NullPtr(create(min, [alloc, free], data, GFP_KERNEL))
}

/// [`mempool_create`] on a memory node; there is one.
#[kexport(since = "2.6.14", header = "linux/mempool.h", symbol = "mempool_create_node_noprof")]
fn mempool_create_node(min: c_int, alloc: u64, free: u64, data: u64, flags: u32, _node: c_int) -> NullPtr<Pool> {
    NullPtr(create(min, [alloc, free], data, flags))
}

/// Makes a pool in memory of the caller's.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "4.18", header = "linux/mempool.h", symbol = "mempool_init_noprof")]
fn mempool_init(pool: KPtr<Pool>, min: c_int, alloc: u64, free: u64, data: u64) -> KResult {
    init(pool, min, [alloc, free], data, GFP_KERNEL)
}

/// [`mempool_init`] on a memory node; there is one.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "4.18", header = "linux/mempool.h")]
fn mempool_init_node(
    pool: KPtr<Pool>,
    min: c_int,
    alloc: u64,
    free: u64,
    data: u64,
    flags: u32,
    _node: c_int,
) -> KResult {
    init(pool, min, [alloc, free], data, flags)
}

/// Changes the size of the reserve.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "2.6.0", header = "linux/mempool.h")]
fn mempool_resize(pool: KPtr<Pool>, min: c_int) -> KResult<c_int> {
    if min <= 0 {
        return Err(KError::Bug("kernel BUG at mm/mempool.c: a reserve of nothing"));
    }
    let old: i32 = MIN.get(pool)?;
    if min <= old {
        while HAVE.get::<i32, _>(pool)? > min {
            let Some(element) = remove(pool)? else { break };
            free_element(pool, element)?;
        }
        MIN.put(pool, min)?;
        return Ok(0);
    }
    let larger = elements(min)?;
    let smaller: u64 = ELEMENTS.get(pool)?;
    {
        let _held = lock();
        let have: i32 = HAVE.get(pool)?;
        access::copy(larger, smaller, 8 * usize::try_from(have).unwrap_or(0))?;
        ELEMENTS.put(pool, larger)?;
        MIN.put(pool, min)?;
    }
    heap::free(smaller, 8 * old as usize);
    fill(pool, GFP_KERNEL)?;
    Ok(0)
}

/// Ends a pool that [`mempool_create`] made. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/mempool.h")]
fn mempool_destroy(pool: KPtr<Pool>) -> KResult {
    if pool.is_null() {
        return Ok(());
    }
    exit(pool)?;
    heap::free(pool.addr(), size_of_struct("mempool_s")?);
    Ok(())
}

/// Ends a pool that [`mempool_init`] made.
#[kexport(since = "4.18", header = "linux/mempool.h")]
fn mempool_exit(pool: KPtr<Pool>) -> KResult {
    exit(pool)
}

/// Takes an element: a new one, or one of the reserve, or, if the caller may sleep, the first that comes back.
#[kexport(since = "2.6.0", header = "linux/mempool.h", symbol = "mempool_alloc_noprof")]
fn mempool_alloc(pool: KPtr<Pool>, flags: u32) -> KResult<u64> {
    let mut patience = flags & !PATIENT;
    loop {
        let element = make_element(pool, patience)?;
        if element != 0 {
            return Ok(element);
        }
        if let Some(element) = remove(pool)? {
            return Ok(element);
        }
        if patience != flags {
            patience = flags;
            continue;
        }
        if flags & MAY_SLEEP == 0 {
            return Ok(0);
        }
        sched::sleep(AGAIN);
    }
}

/// Takes an element of the reserve; NULL if there is none.
#[kexport(since = "6.6", header = "linux/mempool.h")]
fn mempool_alloc_preallocated(pool: KPtr<Pool>) -> KResult<u64> {
    Ok(remove(pool)?.unwrap_or(0))
}

/// Gives an element back: to the reserve, if that is not full. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/mempool.h")]
fn mempool_free(element: u64, pool: KPtr<Pool>) -> KResult {
    if element == 0 || add(pool, element)? { Ok(()) } else { free_element(pool, element) }
}

/// Elements from a `kmem_cache`.
#[kexport(since = "2.6.0", header = "linux/mempool.h")]
fn mempool_alloc_slab(flags: u32, cache: KPtr<KmemCache>) -> NullPtr {
    NullPtr(kmem_cache::alloc_for_pool(cache, flags))
}

/// Gives an element back to its `kmem_cache`.
#[kexport(since = "2.6.0", header = "linux/mempool.h")]
fn mempool_free_slab(element: KPtr, cache: KPtr<KmemCache>) -> KResult {
    kmem_cache::free_of_pool(cache, element)
}

/// Elements from kmalloc.
#[kexport(since = "2.6.17", header = "linux/mempool.h")]
fn mempool_kmalloc(flags: u32, size: usize) -> NullPtr {
    NullPtr(slab::alloc(size, flags))
}

/// Gives an element back to kmalloc.
#[kexport(since = "2.6.17", header = "linux/mempool.h")]
fn mempool_kfree(element: KPtr, _size: usize) -> KResult {
    slab::free(element, "mempool_kfree")
}

/// Elements from kvmalloc.
#[kexport(since = "6.8", header = "linux/mempool.h")]
fn mempool_kvmalloc(flags: u32, size: usize) -> NullPtr {
    NullPtr(util::kv_alloc(size, flags))
}

/// Gives an element back to kvmalloc.
#[kexport(since = "6.8", header = "linux/mempool.h")]
fn mempool_kvfree(element: KPtr, _size: usize) -> KResult {
    slab::free_any(element, "mempool_kvfree")
}

/// Elements of `1 << order` pages.
#[kexport(since = "2.6.17", header = "linux/mempool.h")]
fn mempool_alloc_pages(flags: u32, order: u64) -> NullPtr<page::Page> {
    NullPtr(page_alloc::take(order as u32, flags))
}

/// Gives an element of pages back.
#[kexport(since = "2.6.17", header = "linux/mempool.h")]
fn mempool_free_pages(element: KPtr<page::Page>, order: u64) -> KResult {
    page_alloc::free(element, order as u32, "mempool_free_pages")
}
