//! Walking through a hash table, with pauses. Counterpart: `rhashtable_walk_*` of lib/rhashtable.c.
//!
//! A walk holds its place as the number of a bucket and of entries to skip there, and the entry where it is. In a pause the
//! entry may go and the table be replaced: then it begins anew, and says so.

use super::table::{Table, entry};
use super::{Hash, Head, RhashTable, has_lists, locked, next_equal, object, table_of};
use kabi::errno::EAGAIN;
use kabi::{Errno, Field, KError, KPtr, KResult, c_int, exports, kexport};

use crate::klib::memory::call_export;

exports![
    rhashtable_walk_enter,
    rhashtable_walk_exit,
    rhashtable_walk_start_check,
    rhashtable_walk_next,
    rhashtable_walk_peek,
    rhashtable_walk_stop
];

/// The kernel's `struct rhashtable_iter`.
#[derive(Debug)]
pub struct RhashIter;

type Iter = KPtr<RhashIter>;

macro_rules! fields {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new("rhashtable_iter", $path);)*
    };
}
fields!(
    HASH = "ht",
    ENTRY = "p",
    EQUAL = "list",
    LINK = "walker.list",
    TABLE = "walker.tbl",
    SLOT = "slot",
    SKIP = "skip",
    END = "end_of_table",
);

fn hash_of(iter: Iter) -> KResult<Hash> {
    HASH.get(iter).map(KPtr::<RhashTable>::new)
}

fn table(iter: Iter) -> KResult<Table> {
    TABLE.get(iter).map(Table::at)
}

/// Enters the walk in the list of its table's walkers.
fn join(iter: Iter, table: Table) -> KResult {
    let (link, list) = (LINK.of(iter)?, table.walkers()?);
    let first: u64 = list.get(0)?;
    link.put(0, first)?;
    link.put(8, list.addr())?;
    KPtr::<()>::new(first).put(8, link.addr())?;
    list.put(0, link.addr())
}

/// Takes the walk out of that list, if it is in one.
fn part(iter: Iter) -> KResult {
    if table(iter)?.is_null() {
        return Ok(());
    }
    let link = LINK.of(iter)?;
    let (next, before): (u64, u64) = (link.get(0)?, link.get(8)?);
    KPtr::<()>::new(before).put(0, next)?;
    KPtr::<()>::new(next).put(8, before)
}

fn begin_at(iter: Iter, slot: u32) -> KResult {
    SLOT.put(iter, slot)?;
    SKIP.put(iter, 0u32)
}

/// Makes a walk.
#[kexport(gpl, since = "4.8", header = "linux/rhashtable.h")]
fn rhashtable_walk_enter(ht: Hash, iter: Iter) -> KResult {
    HASH.put(iter, ht.addr())?;
    ENTRY.put(iter, 0u64)?;
    begin_at(iter, 0)?;
    END.put(iter, 0u8)?;
    locked(ht, || {
        let table = table_of(ht)?;
        TABLE.put(iter, table.addr())?;
        join(iter, table)
    })
}

/// Ends a walk.
#[kexport(gpl, since = "3.19", header = "linux/rhashtable.h")]
fn rhashtable_walk_exit(iter: Iter) -> KResult {
    locked(hash_of(iter)?, || part(iter))
}

/// The entries of a bucket in the order of a walk: equal ones behind each other.
fn each(table: Table, slot: u64, lists: bool, mut visit: impl FnMut(Head, Head) -> bool) -> KResult<bool> {
    let mut link = table.bucket(slot).first()?;
    while let Some(head) = entry(link) {
        let mut equal = head;
        loop {
            if visit(head, equal) {
                return Ok(true);
            }
            match if lists { next_equal(equal)? } else { 0 } {
                0 => break,
                next => equal = Head::new(next),
            }
        }
        link = head.get(0)?;
    }
    Ok(false)
}

/// Begins or goes on.
///
/// # Errors
/// `EAGAIN`: the table was replaced, and the walk begins anew.
#[kexport(gpl, since = "4.16", header = "linux/rhashtable.h")]
fn rhashtable_walk_start_check(iter: Iter) -> KResult<c_int> {
    // The section lasts until the walk stops, whatever this says.
    call_export("__rcu_read_lock", &[])?;
    let ht = hash_of(iter)?;
    locked(ht, || part(iter))?;
    if END.get::<u8, _>(iter)? != 0 {
        return Ok(0);
    }
    if table(iter)?.is_null() {
        TABLE.put(iter, table_of(ht)?.addr())?;
        begin_at(iter, 0)?;
        ENTRY.put(iter, 0u64)?;
        return Err(EAGAIN.into());
    }
    let lists = has_lists(ht)?;
    let wanted: u64 = if lists { EQUAL.get(iter)? } else { ENTRY.get(iter)? };
    if ENTRY.get::<u64, _>(iter)? == 0 {
        return Ok(0);
    }
    // Is the entry still there, and how many are before it?
    let (mut skip, mut now) = (0u32, 0);
    let found = each(table(iter)?, SLOT.get::<u32, _>(iter)?.into(), lists, |head, equal| {
        skip += 1;
        now = head.addr();
        equal.addr() == wanted
    })?;
    ENTRY.put(iter, if found { now } else { 0 })?;
    if found {
        SKIP.put(iter, skip)?;
    }
    Ok(0)
}

/// The walk stands at an entry: its object.
fn stand(iter: Iter, head: Head, equal: Head) -> KResult<u64> {
    let ht = hash_of(iter)?;
    SKIP.put(iter, SKIP.get::<u32, _>(iter)?.wrapping_add(1))?;
    ENTRY.put(iter, head.addr())?;
    EQUAL.put(iter, equal.addr())?;
    object(ht, equal)
}

/// The first entry from the walk's place on; 0 at the end of all.
fn find_next(iter: Iter) -> KResult<u64> {
    let walked = table(iter)?;
    if walked.is_null() {
        return Ok(0);
    }
    let lists = has_lists(hash_of(iter)?)?;
    let size = walked.size()?;
    let mut slot = u64::from(SLOT.get::<u32, _>(iter)?);
    while slot < size {
        let mut skip: u32 = SKIP.get(iter)?;
        let mut found = None;
        each(walked, slot, lists, |head, equal| {
            if skip == 0 {
                found = Some((head, equal));
                return true;
            }
            skip -= 1;
            false
        })?;
        if let Some((head, equal)) = found {
            return stand(iter, head, equal);
        }
        slot += 1;
        begin_at(iter, slot as u32)?;
    }
    ENTRY.put(iter, 0u64)?;
    let next = walked.next()?;
    TABLE.put(iter, next.addr())?;
    if next.is_null() {
        END.put(iter, 1u8)?;
        return Ok(0);
    }
    begin_at(iter, 0)?;
    Err(KError::Errno(Errno(EAGAIN.0)))
}

/// The next object, NULL at the end, or `-EAGAIN` where the walk begins anew in another table.
#[kexport(gpl, since = "3.19", header = "linux/rhashtable.h")]
fn rhashtable_walk_next(iter: Iter) -> KResult<u64> {
    let here: u64 = ENTRY.get(iter)?;
    if here == 0 {
        return find_next(iter);
    }
    let lists = has_lists(hash_of(iter)?)?;
    if lists {
        let equal = next_equal(Head::new(EQUAL.get(iter)?))?;
        if equal != 0 {
            return stand(iter, Head::new(here), Head::new(equal));
        }
    }
    if let Some(head) = entry(Head::new(here).get(0)?) {
        return stand(iter, head, head);
    }
    begin_at(iter, SLOT.get::<u32, _>(iter)?.wrapping_add(1))?;
    find_next(iter)
}

/// The object where the walk stands, or the next one.
#[kexport(gpl, since = "4.16", header = "linux/rhashtable.h")]
fn rhashtable_walk_peek(iter: Iter) -> KResult<u64> {
    let ht = hash_of(iter)?;
    let here: u64 = ENTRY.get(iter)?;
    if here != 0 {
        return object(ht, Head::new(if has_lists(ht)? { EQUAL.get(iter)? } else { here }));
    }
    // The place is that behind the entry that was found last.
    let skip: u32 = SKIP.get(iter)?;
    SKIP.put(iter, skip.saturating_sub(1))?;
    find_next(iter)
}

/// Pauses a walk.
#[kexport(gpl, since = "3.19", header = "linux/rhashtable.h")]
fn rhashtable_walk_stop(iter: Iter) -> KResult {
    let walked = table(iter)?;
    if !walked.is_null() {
        locked(hash_of(iter)?, || {
            // A table that goes has no list to join.
            if walked.is_retired()? { TABLE.put(iter, 0u64) } else { join(iter, walked) }
        })?;
    }
    call_export("__rcu_read_unlock", &[])?;
    Ok(())
}
