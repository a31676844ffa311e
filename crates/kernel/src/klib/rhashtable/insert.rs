//! Inserting where inline code gives up: a chain is long, the table full, or being replaced.

use super::table::{Table, entry};
use super::{
    COUNT, Hash, Head, MAX_ELEMS, count, has_key, has_lists, hash_of, look_at_size, may_grow, object, table_of,
};
use crate::rcu;
use kabi::errno::{E2BIG, EBUSY};
use kabi::{KError, KResult};
use machine::access;

/// Entries of a chain from which on the table is too small or its hashes are bad (`RHT_ELASTICITY`).
const LONG: usize = 16;

/// What came of an attempt.
enum Outcome {
    Inserted,
    /// This object has the key.
    Known(u64),
    /// This table, the newest, is to be replaced first.
    Crowded(Table),
}

/// What a chain says of a new entry.
enum Chain {
    /// Its key is not there; so many entries are.
    Without(usize),
    /// An entry with its key, and the one before that.
    With(Head, Option<Head>),
}

/// Inserts an entry; without a key, whatever is there. The object that has the key already, or 0.
pub(super) fn insert(ht: Hash, key: u64, new: Head) -> KResult<u64> {
    loop {
        match rcu::reading(|| attempt(ht, key, new))? {
            Outcome::Inserted => return Ok(0),
            Outcome::Known(object) => return Ok(object),
            Outcome::Crowded(table) => make_room(ht, table)?,
        }
    }
}

fn look(ht: Hash, first: u64, key: u64) -> KResult<Chain> {
    let (mut link, mut before, mut len) = (first, None, 0);
    while let Some(head) = entry(link) {
        if key != 0 && has_key(ht, object(ht, head)?, key)? {
            return Ok(Chain::With(head, before));
        }
        len += 1;
        before = Some(head);
        link = head.get(0)?;
    }
    Ok(Chain::Without(len))
}

fn attempt(ht: Hash, key: u64, new: Head) -> KResult<Outcome> {
    let mut table = table_of(ht)?;
    loop {
        let hash = u64::from(hash_of(ht, table, new)?);
        let bucket = table.bucket(hash & (table.size()? - 1));
        let held = bucket.lock()?;
        let len = match look(ht, held.first()?, key)? {
            Chain::With(known, _) if !has_lists(ht)? => return object(ht, known).map(Outcome::Known),
            Chain::With(known, before) => {
                // The new one takes the chain's place of its equals, which follow it in their list.
                new.put(8, known.addr())?;
                new.put(0, known.get::<u64>(0)?)?;
                held.set_link(before, new.addr())?;
                return Ok(Outcome::Inserted);
            }
            Chain::Without(len) => len,
        };
        let next = table.next()?;
        if !next.is_null() {
            table = next;
            continue;
        }
        let elements = count(ht)?;
        if elements >= MAX_ELEMS.get::<u32, _>(ht)?.into() {
            return Err(E2BIG.into());
        }
        let can_grow = may_grow(ht, table)?;
        if (len >= LONG || elements > table.size()?) && can_grow || len >= LONG && table.size()? < super::table::LARGEST
        {
            return Ok(Outcome::Crowded(table));
        }
        new.put(0, held.first()?)?;
        if has_lists(ht)? {
            new.put(8, 0u64)?;
        }
        held.set_first(new.addr())?;
        let elements = access::fetch_add_u32(COUNT.of(ht)?.addr(), 1)?;
        drop(held);
        if u64::from(elements) + 1 > table.size()? / 4 * 3 && can_grow {
            look_at_size(ht)?;
        }
        return Ok(Outcome::Inserted);
    }
}

/// Puts a new table beside the newest one: a larger one if it is full, otherwise one with other hashes.
fn make_room(ht: Hash, newest: Table) -> KResult {
    let size = newest.size()?;
    let full = count(ht)? > size / 4 * 3 && may_grow(ht, newest)?;
    if !full && table_of(ht)? != newest {
        // New hashes were tried already: the keys are bad, or an attack.
        return if newest.next()?.is_null() { Err(EBUSY.into()) } else { Ok(()) };
    }
    let new = match Table::make(if full { 2 * size } else { size }) {
        Ok(new) => new,
        Err(e) => {
            look_at_size(ht)?;
            return Err(e);
        }
    };
    if newest.replace_by(new)? {
        return look_at_size(ht);
    }
    new.free().map_err(|_: KError| EBUSY.into())
}
