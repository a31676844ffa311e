//! Moving everything to a larger or smaller table, while others read and change it.

use super::table::{Table, entry};
use super::{Hash, MIN_SIZE, MUTEX, SHRINKS, TABLE, count, hash_of, locked, look_at_size, may_grow, table_of};
use crate::locking::mutex;
use kabi::{KPtr, KResult};

/// Replaces the table if it does not fit, and moves everything.
pub(super) fn work(ht: Hash) -> KResult {
    let lock = MUTEX.of(ht)?.cast();
    mutex::lock(lock)?;
    let moved = replace(ht).and_then(|()| move_all(ht));
    mutex::unlock(lock)?;
    match moved {
        Ok(false) => Ok(()),
        // There is one more table, or no memory for one now.
        Ok(true) | Err(kabi::KError::Errno(_)) => look_at_size(ht),
        Err(e) => Err(e),
    }
}

/// The size that fits better than a table's.
fn better_size(ht: Hash, table: Table) -> KResult<Option<u64>> {
    let (size, elements, least) = (table.size()?, count(ht)?, u64::from(MIN_SIZE.get::<u16, _>(ht)?));
    if elements > size / 4 * 3 && may_grow(ht, table)? {
        return Ok(Some(2 * size));
    }
    let shrinks = SHRINKS.get::<u8, _>(ht)? != 0;
    if shrinks && elements < size * 3 / 10 && size > least {
        let fits = if elements == 0 { least } else { (elements * 3 / 2).next_power_of_two().max(least) };
        return Ok((fits < size).then_some(fits));
    }
    Ok(None)
}

fn replace(ht: Hash) -> KResult {
    let newest = table_of(ht)?.newest()?;
    if let Some(size) = better_size(ht, newest)? {
        let new = Table::make(size)?;
        if !newest.replace_by(new)? {
            new.free()?;
        }
    }
    Ok(())
}

/// Moves everything out of the first table, if another one replaces it: true if yet another one follows.
fn move_all(ht: Hash) -> KResult<bool> {
    let old = table_of(ht)?;
    if old.next()?.is_null() {
        return Ok(false);
    }
    for bucket in 0..old.size()? {
        empty(ht, old, bucket)?;
    }
    let new = old.next()?;
    locked(ht, || {
        TABLE.put(ht, new.addr())?;
        forget_walkers(old)
    })?;
    old.retire()?;
    Ok(!new.next()?.is_null())
}

/// Moves a chain, its last entry first: who reads it finds all that it has not passed.
fn empty(ht: Hash, old: Table, number: u64) -> KResult {
    let held = old.bucket(number).lock()?;
    loop {
        let (mut before, mut last) = (None, None);
        let mut link = held.first()?;
        while let Some(head) = entry(link) {
            (before, last) = (last, Some(head));
            link = head.get(0)?;
        }
        let Some(last) = last else { return Ok(()) };
        let new = old.newest()?;
        let hash = u64::from(hash_of(ht, new, last)?);
        let target = new.bucket(hash & (new.size()? - 1)).lock()?;
        last.put(0, target.first()?)?;
        target.set_first(last.addr())?;
        drop(target);
        held.set_link(before, link)?;
    }
}

/// Those who walk in the table begin anew.
fn forget_walkers(old: Table) -> KResult {
    let list = old.walkers()?;
    let mut at: u64 = list.get(0)?;
    while at != list.addr() {
        // struct rhashtable_walker: list, table.
        let walker: KPtr = KPtr::new(at);
        at = walker.get(0)?;
        walker.put(16, 0u64)?;
    }
    Ok(())
}
