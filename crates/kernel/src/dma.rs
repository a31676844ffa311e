//! Memory for devices. Counterpart: kernel/dma/mapping.c, kernel/dma/direct.c, mm/dmapool.c.
//!
//! No device reads it: a bus address is the number of the byte in the instance's memory, as `virt_to_phys` gives it, and
//! what the mask of a device allows makes no difference. A device's structure is the module's; nothing else of it is used.

use crate::mm::owned::{self, Block, Kind};
use crate::mm::page::{self, PAGE, Page};
use crate::mm::slab;
use crate::{env, log};
use kabi::errno::{EINVAL, EIO, ENOMEM};
use kabi::{Field, KError, KPtr, KResult, KStr, NullPtr, c_int, c_uint, c_ulong, exports, kexport};
use machine::heap::{self, pages};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    dma_alloc_attrs,
    dma_free_attrs,
    dma_map_page_attrs,
    dma_unmap_page_attrs,
    dma_map_sg_attrs,
    dma_unmap_sg_attrs,
    dma_sync_single_for_cpu,
    dma_sync_single_for_device,
    dma_sync_sg_for_cpu,
    dma_sync_sg_for_device,
    dma_set_mask,
    dma_set_coherent_mask,
    dma_pool_create,
    dma_pool_alloc,
    dma_pool_free,
    dma_pool_destroy,
];

/// `struct device`.
#[derive(Debug)]
pub struct Device;

static MASK: Field = Field::new("device", "dma_mask");
static COHERENT_MASK: Field = Field::new("device", "coherent_dma_mask");

const COHERENT: Kind = Kind::Other("coherent DMA memory");
const POOL: Kind = Kind::Other("DMA pool");
const PIECE: Kind = Kind::Other("memory of DMA pool");
/// `DMA_MAPPING_ERROR`.
const FAILED: u64 = u64::MAX;
/// The least mask that a device may have here: 32 bits.
const LEAST_MASK: u64 = u32::MAX as u64;

fn bus_address(addr: u64) -> u64 {
    addr.wrapping_sub(heap::base())
}

/// Allocates memory that a device and the CPU both see: zeroed whole pages.
#[kexport(since = "4.10", header = "linux/dma-mapping.h")]
fn dma_alloc_attrs(_device: KPtr<Device>, size: usize, handle: KPtr, _flags: u32, _attrs: c_ulong) -> NullPtr {
    NullPtr(alloc(size, handle))
}

fn alloc(size: usize, handle: KPtr) -> KResult<KPtr> {
    let addr = pages::take_exact(size.max(1)).ok_or(ENOMEM)?;
    let count = (size as u64).div_ceil(PAGE).max(1);
    page::split(page::set_up(addr, count, 1)?, count)?;
    handle.put(0, bus_address(addr))?;
    owned::note(addr, Block::new(COHERENT, size));
    Ok(KPtr::new(addr))
}

/// Frees what [`dma_alloc_attrs`] gave. NULL is fine.
#[kexport(since = "4.10", header = "linux/dma-mapping.h")]
fn dma_free_attrs(_device: KPtr<Device>, size: usize, p: KPtr, _handle: u64, _attrs: c_ulong) -> KResult {
    if p.is_null() {
        return Ok(());
    }
    owned::take(COHERENT, p.addr());
    let count = (size as u64).div_ceil(PAGE).max(1);
    let taken = |n: u64| matches!(heap::spot(p.addr() + n * PAGE), Some(heap::Spot::Run { order: 0, .. }));
    if !(0..count).all(taken) {
        return Err(KError::Bug("dma_free_coherent of memory that is not allocated"));
    }
    page::clear(p.addr(), count)?;
    (0..count).for_each(|n| pages::give(p.addr() + n * PAGE, 0));
    Ok(())
}

/// Lets a device see a part of a page: its bus address.
#[kexport(since = "5.3", header = "linux/dma-mapping.h")]
fn dma_map_page_attrs(
    _device: KPtr<Device>,
    page: KPtr<Page>,
    offset: usize,
    _size: usize,
    _direction: c_uint,
    _attrs: c_ulong,
) -> u64 {
    page::address(page).map_or(FAILED, |addr| bus_address(addr) + offset as u64)
}

/// Ends what [`dma_map_page_attrs`] began.
#[kexport(since = "5.3", header = "linux/dma-mapping.h")]
fn dma_unmap_page_attrs(_device: KPtr<Device>, _at: u64, _size: usize, _direction: c_uint, _attrs: c_ulong) {}

/// The next element of a list of scattered memory (`sg_next`).
fn next(sg: KPtr) -> KResult<Option<KPtr>> {
    const CHAIN: u64 = 1;
    const END: u64 = 2;
    if LINK.get::<u64, _>(sg)? & END != 0 {
        return Ok(None);
    }
    let after = sg.offset(kabi::size_of_struct("scatterlist")? as u64);
    let link: u64 = LINK.get(after)?;
    Ok(Some(if link & CHAIN != 0 { KPtr::new(link & !(CHAIN | END)) } else { after }))
}

static LINK: Field = Field::new("scatterlist", "page_link");
static OFFSET: Field = Field::new("scatterlist", "offset");
static LENGTH: Field = Field::new("scatterlist", "length");
static ADDRESS: Field = Field::new("scatterlist", "dma_address");
static DMA_LENGTH: Field = Field::new("scatterlist", "dma_length");

/// Lets a device see scattered memory: how many elements, or 0.
#[kexport(since = "5.3", header = "linux/dma-mapping.h")]
fn dma_map_sg_attrs(
    _device: KPtr<Device>,
    list: KPtr,
    count: c_int,
    _direction: c_uint,
    _attrs: c_ulong,
) -> KResult<c_uint> {
    let mut element = Some(list);
    for _ in 0..count {
        let Some(sg) = element else { return Ok(0) };
        let Some(addr) = page::address(KPtr::new(LINK.get::<u64, _>(sg)? & !3)) else { return Ok(0) };
        ADDRESS.put(sg, bus_address(addr) + u64::from(OFFSET.get::<u32, _>(sg)?))?;
        DMA_LENGTH.put(sg, LENGTH.get::<u32, _>(sg)?)?;
        element = next(sg)?;
    }
    Ok(count.max(0) as c_uint)
}

/// Ends what [`dma_map_sg_attrs`] began.
#[kexport(since = "5.3", header = "linux/dma-mapping.h")]
fn dma_unmap_sg_attrs(_device: KPtr<Device>, _list: KPtr, _count: c_int, _direction: c_uint, _attrs: c_ulong) {}

/// Gives mapped memory to the CPU: it has it always.
#[kexport(since = "5.3", header = "linux/dma-mapping.h", symbol = "__dma_sync_single_for_cpu")]
fn dma_sync_single_for_cpu(_device: KPtr<Device>, _at: u64, _size: usize, _direction: c_uint) {}

/// Gives mapped memory to the device.
#[kexport(since = "5.3", header = "linux/dma-mapping.h", symbol = "__dma_sync_single_for_device")]
fn dma_sync_single_for_device(_device: KPtr<Device>, _at: u64, _size: usize, _direction: c_uint) {}

/// [`dma_sync_single_for_cpu`] for scattered memory.
#[kexport(since = "5.3", header = "linux/dma-mapping.h", symbol = "__dma_sync_sg_for_cpu")]
fn dma_sync_sg_for_cpu(_device: KPtr<Device>, _list: KPtr, _count: c_int, _direction: c_uint) {}

/// [`dma_sync_single_for_device`] for scattered memory.
#[kexport(since = "5.3", header = "linux/dma-mapping.h", symbol = "__dma_sync_sg_for_device")]
fn dma_sync_sg_for_device(_device: KPtr<Device>, _list: KPtr, _count: c_int, _direction: c_uint) {}

/// Says which addresses a device reaches.
///
/// # Errors
/// `EIO`: too few.
#[kexport(since = "4.20", header = "linux/dma-mapping.h")]
fn dma_set_mask(device: KPtr<Device>, mask: u64) -> KResult<c_int> {
    let slot: u64 = MASK.get(device)?;
    if slot == 0 || mask < LEAST_MASK {
        return Err(EIO.into());
    }
    KPtr::<()>::new(slot).put(0, mask)?;
    Ok(0)
}

/// [`dma_set_mask`] for coherent memory.
///
/// # Errors
/// `EIO`: too few.
#[kexport(since = "4.20", header = "linux/dma-mapping.h")]
fn dma_set_coherent_mask(device: KPtr<Device>, mask: u64) -> KResult<c_int> {
    if mask < LEAST_MASK {
        return Err(EIO.into());
    }
    COHERENT_MASK.put(device, mask)?;
    Ok(0)
}

struct Pool {
    name: String,
    objects: std::sync::Arc<heap::slab::Cache>,
    size: usize,
    taken: BTreeSet<u64>,
}

static POOLS: Mutex<Option<HashMap<u64, Pool>>> = Mutex::new(None);

fn pools() -> MutexGuard<'static, Option<HashMap<u64, Pool>>> {
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a pool of small pieces of coherent memory.
#[kexport(since = "2.6.0", header = "linux/dmapool.h", partial = "no file `pools` of the device")]
fn dma_pool_create(name: KStr, _device: KPtr<Device>, size: usize, align: usize, boundary: usize) -> NullPtr {
    NullPtr(make_pool(&name.to_string_lossy(), size, align, boundary))
}

fn make_pool(name: &str, size: usize, align: usize, boundary: usize) -> KResult<KPtr> {
    let align = align.max(1);
    if !align.is_power_of_two() || size == 0 || size > c_int::MAX as usize {
        return Err(EINVAL.into());
    }
    if boundary != 0 && (boundary < size || !boundary.is_power_of_two()) {
        return Err(EINVAL.into());
    }
    // A piece that is aligned to a power of two at least its size crosses no boundary.
    let align = if boundary == 0 { align } else { align.max(size.next_power_of_two()) };
    let room = size.max(8).checked_next_multiple_of(align).ok_or(ENOMEM)?;
    let objects = heap::slab::make(room).ok_or(ENOMEM)?;
    let p = slab::permanent(8)?;
    let pool = Pool { name: name.to_string(), objects, size, taken: BTreeSet::new() };
    pools().get_or_insert_default().insert(p.addr(), pool);
    owned::note(p.addr(), Block::new(POOL, 0).named(name));
    Ok(p)
}

/// Takes a piece, zeroed.
#[kexport(since = "2.6.0", header = "linux/dmapool.h")]
fn dma_pool_alloc(pool: KPtr, _flags: u32, handle: KPtr) -> NullPtr {
    NullPtr(take_piece(pool, handle))
}

fn take_piece(pool: KPtr, handle: KPtr) -> KResult<KPtr> {
    let mut all = pools();
    let pool =
        all.as_mut().and_then(|all| all.get_mut(&pool.addr())).ok_or(KError::Bug("a DMA pool that does not exist"))?;
    let piece = pool.objects.take(&mut |_| {}).ok_or(ENOMEM)?;
    pool.taken.insert(piece);
    let (size, name) = (pool.size, pool.name.clone());
    drop(all);
    owned::note(piece, Block::new(PIECE, size).named(&name));
    machine::access::fill(piece, 0, size)?;
    handle.put(0, bus_address(piece))?;
    Ok(KPtr::new(piece))
}

/// Gives a piece back.
#[kexport(since = "2.6.0", header = "linux/dmapool.h")]
fn dma_pool_free(pool: KPtr, piece: KPtr, at: u64) -> KResult {
    let mut all = pools();
    let pool =
        all.as_mut().and_then(|all| all.get_mut(&pool.addr())).ok_or(KError::Bug("a DMA pool that does not exist"))?;
    if pool.taken.remove(&piece.addr()) {
        // Nobody else gets it before it is forgotten.
        owned::take(PIECE, piece.addr());
        pool.objects.give(piece.addr());
        return Ok(());
    }
    let name = pool.name.clone();
    drop(all);
    log::line(3, &format!("dma_pool_free {name}, {}/{at:#018x} (bad dma)", env::hashed(piece.addr())));
    Ok(())
}

/// Ends a pool. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/dmapool.h")]
fn dma_pool_destroy(pool: KPtr) {
    let gone = pools().as_mut().and_then(|all| all.remove(&pool.addr()));
    let Some(gone) = gone else { return };
    owned::take(POOL, pool.addr());
    heap::free(pool.addr(), 8);
    match gone.taken.first() {
        // What is in use stays.
        Some(piece) => log::line(3, &format!("dma_pool_destroy {}, {} busy", gone.name, env::hashed(*piece))),
        None => heap::slab::destroy(&gone.objects),
    }
}
