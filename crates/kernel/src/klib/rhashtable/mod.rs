//! Hash tables that grow and shrink while others read them. Counterpart: lib/rhashtable.c, include/linux/rhashtable.h.
//!
//! Modules look up, insert and remove by inline code, so tables, buckets and chains are as it expects them: a bucket's word
//! is the address of its first entry with the lock in bit 0; a chain ends with the bucket's own address made odd, by which a
//! reader notices that an entry moved to another chain under its feet; a table that is being replaced points to the next
//! one. What inline code cannot do is here: making tables, inserting where a chain is long, moving to another table
//! (`resize`, by a work item), and walking ([`walk`]). DIFFERS: tables are never nested: there is memory for whole ones.

mod insert;
pub mod jhash;
mod resize;
mod table;
pub mod walk;

use crate::klib::memory;
use crate::locking::{mutex, spinlock};
use crate::mm::owned::{self, Block, Kind};
use crate::module::symbols;
use crate::workqueue::work;
use kabi::errno::{EINVAL, ENOMEM};
use kabi::{Field, KPtr, KResult, c_int, exports, kexport, size_of_struct};
use std::sync::OnceLock;
use table::Table;

exports![
    rhashtable_init,
    rhltable_init,
    rhashtable_insert_slow,
    rhashtable_free_and_destroy,
    rhashtable_destroy,
    rht_bucket_nested,
    rht_deferred_worker
];

/// The kernel's `struct rhashtable`.
#[derive(Debug)]
pub struct RhashTable;
/// Its `struct rhash_head`, which holds the address of the next one.
#[derive(Debug)]
pub struct RhashHead;

/// A hash table of a module.
pub(super) type Hash = KPtr<RhashTable>;
/// An entry of a chain.
pub(super) type Head = KPtr<RhashHead>;

macro_rules! fields {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new("rhashtable", $path);)*
    };
}
fields!(
    TABLE = "tbl",
    KEY_LEN = "key_len",
    MAX_ELEMS = "max_elems",
    PARAMS = "p",
    HINT = "p.nelem_hint",
    P_KEY_LEN = "p.key_len",
    KEY_OFFSET = "p.key_offset",
    HEAD_OFFSET = "p.head_offset",
    MAX_SIZE = "p.max_size",
    MIN_SIZE = "p.min_size",
    SHRINKS = "p.automatic_shrinking",
    HASH = "p.hashfn",
    OBJ_HASH = "p.obj_hashfn",
    OBJ_COMPARE = "p.obj_cmpfn",
    HAS_LISTS = "rhlist",
    WORK = "run_work",
    WORK_FUNCTION = "run_work.func",
    MUTEX = "mutex",
    LOCK = "lock",
    COUNT = "nelems.counter",
);

/// What it is called in reports.
const KIND: Kind = Kind::Other("rhashtable");
/// Buckets of a table for which nothing is said, and the fewest.
const DEFAULT: u64 = 64;
const FEWEST: u16 = 4;

fn table_of(ht: Hash) -> KResult<Table> {
    TABLE.get(ht).map(Table::at)
}

fn has_lists(ht: Hash) -> KResult<bool> {
    Ok(HAS_LISTS.get::<u8, _>(ht)? != 0)
}

/// The object around an entry.
fn object(ht: Hash, head: Head) -> KResult<u64> {
    Ok(head.addr().wrapping_sub(HEAD_OFFSET.get::<u16, _>(ht)?.into()))
}

/// Of lists of equal entries: the next one, behind the chain's own link.
fn next_equal(head: Head) -> KResult<u64> {
    head.get(8)
}

/// The hash of an entry for a table.
fn hash_of(ht: Hash, table: Table, head: Head) -> KResult<u32> {
    let (object, seed, len) = (object(ht, head)?, table.seed()?, KEY_LEN.get::<u32, _>(ht)?);
    let by_object: u64 = OBJ_HASH.get(ht)?;
    if by_object != 0 {
        let key_len = P_KEY_LEN.get::<u16, _>(ht)?;
        let len = if key_len != 0 { u32::from(key_len) } else { len };
        return Ok(kabi::call(by_object, &[object, len.into(), seed.into()])? as u32);
    }
    let key = object.wrapping_add(KEY_OFFSET.get::<u16, _>(ht)?.into());
    jhash::call(HASH.get(ht)?, key, len, seed)
}

/// Whether an object has a key.
fn has_key(ht: Hash, object: u64, key: u64) -> KResult<bool> {
    let compare: u64 = OBJ_COMPARE.get(ht)?;
    if compare != 0 {
        // struct rhashtable_compare_arg: table, key.
        let arg = memory::take(16)?;
        let result = arg
            .put(0, ht.addr())
            .and_then(|()| arg.put(8, key))
            .and_then(|()| kabi::call(compare, &[arg.addr(), object]));
        memory::give_back(arg, 16);
        return Ok(result? as i32 == 0);
    }
    let len = P_KEY_LEN.get::<u16, _>(ht)?.into();
    are_equal(object.wrapping_add(KEY_OFFSET.get::<u16, _>(ht)?.into()), key, len)
}

/// Whether the same bytes lie at two addresses.
fn are_equal(a: u64, b: u64, len: usize) -> KResult<bool> {
    let mut parts = [[0u8; 64]; 2];
    for start in (0..len).step_by(64) {
        let part = (len - start).min(64);
        for (bytes, addr) in parts.iter_mut().zip([a, b]) {
            machine::access::read(addr.wrapping_add(start as u64), &mut bytes[..part])?;
        }
        if parts[0][..part] != parts[1][..part] {
            return Ok(false);
        }
    }
    Ok(true)
}

fn count(ht: Hash) -> KResult<u64> {
    Ok(COUNT.get::<u32, _>(ht)?.into())
}

/// Whether a table may be replaced by a larger one.
fn may_grow(ht: Hash, table: Table) -> KResult<bool> {
    let (size, most) = (table.size()?, u64::from(MAX_SIZE.get::<u32, _>(ht)?));
    Ok((most == 0 || size < most) && size < table::LARGEST)
}

/// Has the table's size looked at by a worker.
fn look_at_size(ht: Hash) -> KResult {
    work::queue_system(WORK.of(ht)?.cast()).map(|_| ())
}

/// How many buckets a new hash table has.
fn first_size(ht: Hash) -> KResult<u64> {
    let (hint, least) = (u64::from(HINT.get::<u16, _>(ht)?), u64::from(MIN_SIZE.get::<u16, _>(ht)?));
    Ok(least.max(if hint == 0 { DEFAULT } else { (hint * 4 / 3).next_power_of_two() }))
}

fn init(ht: Hash, params: KPtr, lists: bool) -> KResult {
    machine::access::fill(ht.addr(), 0, size_of_struct("rhashtable")?)?;
    machine::access::copy(PARAMS.of(ht)?.addr(), params.addr(), size_of_struct("rhashtable_params")?)?;
    let (key_len, by_object) = (P_KEY_LEN.get::<u16, _>(ht)?, OBJ_HASH.get::<u64, _>(ht)?);
    if key_len == 0 && by_object == 0 || by_object != 0 && OBJ_COMPARE.get::<u64, _>(ht)? == 0 {
        return Err(EINVAL.into());
    }
    mutex::init(MUTEX.of(ht)?.cast())?;
    let least = MIN_SIZE.get::<u16, _>(ht)?;
    MIN_SIZE.put(ht, least.checked_next_power_of_two().unwrap_or(0).max(FEWEST))?;
    let mut most_elements = 1u32 << 31;
    let most = MAX_SIZE.get::<u32, _>(ht)?;
    if let Some(digits) = most.checked_ilog2() {
        MAX_SIZE.put(ht, 1u32 << digits)?;
        most_elements = most_elements.min((1u32 << digits).saturating_mul(2));
    }
    MAX_ELEMS.put(ht, most_elements)?;
    KEY_LEN.put(ht, u32::from(key_len))?;
    if HASH.get::<u64, _>(ht)? == 0 {
        let words = key_len.is_multiple_of(4);
        KEY_LEN.put(ht, u32::from(if words { key_len / 4 } else { key_len }))?;
        HASH.put(ht, jhash::address(words)?)?;
    }
    HAS_LISTS.put(ht, u8::from(lists))?;
    let worker = worker()?;
    work::init(WORK.of(ht)?.cast())?;
    WORK_FUNCTION.put(ht, worker)?;
    let table = Table::make(first_size(ht)?)?;
    TABLE.put(ht, table.addr())?;
    owned::note(ht.addr(), Block::new(KIND, 0));
    Ok(())
}

/// The address of [`rht_deferred_worker`] for work items. No kernel exports it, so it is made once.
fn worker() -> KResult<u64> {
    static MADE: OnceLock<Option<u64>> = OnceLock::new();
    let made = MADE.get_or_init(|| symbols::address_of("rht_deferred_worker").ok().flatten());
    made.ok_or_else(|| ENOMEM.into())
}

/// True for the function of a hash table's work item, which is the kernel's own.
pub(crate) fn is_own_work(function: u64) -> bool {
    worker().is_ok_and(|own| own == function)
}

/// Makes a hash table.
///
/// # Errors
/// `EINVAL`: the parameters name neither a key nor functions. `ENOMEM`.
#[kexport(gpl, since = "3.17", header = "linux/rhashtable.h", symbol = "rhashtable_init_noprof")]
fn rhashtable_init(ht: Hash, params: KPtr) -> KResult<c_int> {
    init(ht, params, false).map(|()| 0)
}

/// [`rhashtable_init`] for entries of which several have the same key.
///
/// # Errors
/// As there.
#[kexport(gpl, since = "4.9", header = "linux/rhashtable.h", symbol = "rhltable_init_noprof")]
fn rhltable_init(hlt: Hash, params: KPtr) -> KResult<c_int> {
    init(hlt, params, true).map(|()| 0)
}

/// Inserts an entry where inline code could not: NULL, the object that has the key already, or an error.
#[kexport(gpl, since = "4.8", header = "linux/rhashtable.h")]
fn rhashtable_insert_slow(ht: Hash, key: KPtr, entry: Head) -> KResult<u64> {
    insert::insert(ht, key.addr(), entry)
}

/// Looks at a hash table's size, and moves everything to another table if it does not fit; a worker calls it.
#[kexport(since = "4.2", header = "linux/rhashtable.h")]
fn rht_deferred_worker(work: KPtr) -> KResult {
    resize::work(Hash::new(work.addr().wrapping_sub(WORK.offset()?)))
}

/// Gives one entry, or a list of equal ones, to a module's function.
fn give_each(ht: Hash, head: Head, lists: bool, free: u64, arg: u64) -> KResult {
    let mut head = head;
    loop {
        // Read first: the function frees it.
        let next = if lists { next_equal(head)? } else { 0 };
        kabi::call(free, &[object(ht, head)?, arg])?;
        if next == 0 {
            return Ok(());
        }
        head = Head::new(next);
    }
}

fn end(ht: Hash, free: u64, arg: u64) -> KResult {
    work::cancel_sync(WORK.of(ht)?.cast())?;
    mutex::lock(MUTEX.of(ht)?.cast())?;
    let lists = has_lists(ht)?;
    let mut table = table_of(ht)?;
    while !table.is_null() {
        let next = table.next()?;
        for bucket in (0..table.size()?).filter(|_| free != 0) {
            let mut head = table.bucket(bucket).first()?;
            while let Some(entry) = table::entry(head) {
                head = entry.get(0)?;
                give_each(ht, entry, lists, free, arg)?;
            }
        }
        table.free()?;
        table = next;
    }
    owned::take(KIND, ht.addr());
    mutex::unlock(MUTEX.of(ht)?.cast())
}

/// Ends a hash table; a function, if there is one, gets every object.
#[kexport(gpl, since = "4.0", header = "linux/rhashtable.h")]
fn rhashtable_free_and_destroy(ht: Hash, free: KPtr, arg: KPtr) -> KResult {
    end(ht, free.addr(), arg.addr())
}

/// Ends a hash table.
#[kexport(gpl, since = "3.17", header = "linux/rhashtable.h")]
fn rhashtable_destroy(ht: Hash) -> KResult {
    end(ht, 0, 0)
}

/// The bucket for a hash, which inline code asks for where tables are nested.
#[kexport(
    gpl,
    since = "4.11",
    header = "linux/rhashtable.h",
    symbol = "__rht_bucket_nested",
    partial = "tables are never nested"
)]
fn rht_bucket_nested(table: KPtr, hash: u32) -> KResult<KPtr> {
    let table = Table::at(table.addr());
    Ok(KPtr::new(table.bucket(u64::from(hash) & (table.size()? - 1)).addr()))
}

/// Runs `work` with the lock of the hash table's tables and walkers.
fn locked<R>(ht: Hash, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = LOCK.of(ht)?.cast();
    spinlock::lock(lock)?;
    let result = work();
    spinlock::unlock(lock)?;
    result
}
