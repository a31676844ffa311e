//! One table of buckets: `struct bucket_table`, the locks of its buckets, the chains.

use super::{Head, RhashHead};
use crate::klib::list::init_list_head;
use crate::klib::memory;
use crate::{random, rcu, sched};
use kabi::errno::ENOMEM;
use kabi::{Field, KPtr, KResult};
use machine::access;

/// The kernel's `struct bucket_table`.
#[derive(Debug)]
pub struct BucketTable;

static SIZE: Field = Field::new("bucket_table", "size");
static SEED: Field = Field::new("bucket_table", "hash_rnd");
static WALKERS: Field = Field::new("bucket_table", "walkers");
static RETIRED: Field = Field::new("bucket_table", "rcu.func");
static NEXT: Field = Field::new("bucket_table", "future_tbl");
static BUCKETS: Field = Field::new("bucket_table", "buckets");

/// The most buckets: what one block of memory holds, its head included.
pub(super) const LARGEST: u64 = 1 << 18;
/// Bit 0 of a bucket's word.
const LOCKED: u64 = 1;
/// `SOFTIRQ_DISABLE_OFFSET` and one for the lock.
const COUNT: i32 = 0x201;

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table(KPtr<BucketTable>);

/// A bucket: where its word lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket(u64);

/// The entry that a link leads to; `None` at a chain's end.
pub(super) fn entry(link: u64) -> Option<Head> {
    (link & 1 == 0 && link != 0).then(|| KPtr::<RhashHead>::new(link))
}

impl Table {
    pub fn at(addr: u64) -> Self {
        Self(KPtr::new(addr))
    }

    pub fn addr(self) -> u64 {
        self.0.addr()
    }

    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    fn bytes(size: u64) -> KResult<usize> {
        usize::try_from(BUCKETS.offset()? + 8 * size).map_err(|_| ENOMEM.into())
    }

    /// A new table of so many buckets, a power of two.
    pub fn make(size: u64) -> KResult<Self> {
        let table = Self(memory::take(Self::bytes(size)?)?.cast());
        SIZE.put(table.0, size as u32)?;
        SEED.put(table.0, random::number() as u32)?;
        init_list_head(table.walkers()?)?;
        Ok(table)
    }

    pub fn size(self) -> KResult<u64> {
        SIZE.get::<u32, _>(self.0).map(u64::from)
    }

    pub fn seed(self) -> KResult<u32> {
        SEED.get(self.0)
    }

    /// Head of the list of those who walk in it.
    pub fn walkers(self) -> KResult<KPtr> {
        WALKERS.of(self.0)
    }

    /// The table that replaces this one, if there is one.
    pub fn next(self) -> KResult<Self> {
        NEXT.get(self.0).map(Self::at)
    }

    /// The last of the tables that replace each other.
    pub fn newest(self) -> KResult<Self> {
        let mut table = self;
        loop {
            let next = table.next()?;
            if next.is_null() {
                return Ok(table);
            }
            table = next;
        }
    }

    /// Replaces a table that nothing replaces yet; false if something does.
    pub fn replace_by(self, new: Self) -> KResult<bool> {
        Ok(access::compare_exchange_u64(NEXT.of(self.0)?.addr(), 0, new.addr())? == 0)
    }

    pub fn bucket(self, number: u64) -> Bucket {
        // The profile has the member: the table was made with it.
        Bucket(self.addr() + BUCKETS.offset().unwrap_or(0) + 8 * number)
    }

    /// Nobody finds it any more: it goes when those who read it have ended.
    pub fn retire(self) -> KResult {
        RETIRED.put(self.0, 1u64)?;
        rcu::when_unread(move || {
            // A table of ours that was just written to.
            let _ = self.free();
        });
        Ok(())
    }

    pub fn is_retired(self) -> KResult<bool> {
        Ok(RETIRED.get::<u64, _>(self.0)? != 0)
    }

    pub fn free(self) -> KResult {
        memory::give_back(self.0.cast(), Self::bytes(self.size()?)?);
        Ok(())
    }
}

impl Bucket {
    pub fn addr(self) -> u64 {
        self.0
    }

    /// What a chain here ends with.
    pub fn end(self) -> u64 {
        self.0 | 1
    }

    /// The first link, without the lock.
    pub fn first(self) -> KResult<u64> {
        let word = access::get::<u64>(self.0)? & !LOCKED;
        Ok(if word == 0 { self.end() } else { word })
    }

    /// Takes the bucket's lock.
    pub fn lock(self) -> KResult<Held> {
        sched::preempt_add(COUNT);
        let held = Held(self);
        crate::locking::spin(
            || {
                let word: u64 = access::get(self.0)?;
                Ok(word & LOCKED == 0 && access::compare_exchange_u64(self.0, word, word | LOCKED)? == word)
            },
            "the lock of a bucket stays taken: its holder died, or is this task",
        )?;
        Ok(held)
    }
}

/// A bucket whose lock is held until this is dropped.
#[derive(Debug)]
pub(super) struct Held(Bucket);

impl Held {
    pub fn first(&self) -> KResult<u64> {
        self.0.first()
    }

    /// Makes a link the first one.
    pub fn set_first(&self, link: u64) -> KResult {
        let word = if link & 1 == 1 { 0 } else { link };
        Ok(access::put(self.0.0, word | LOCKED)?)
    }

    /// Puts a link where the one before it was found: in an entry, or at the start.
    pub fn set_link(&self, before: Option<Head>, link: u64) -> KResult {
        before.map_or_else(|| self.set_first(link), |before| before.put(0, link))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // If the bucket cannot be reached its lock is nobody's business any more.
        if let Ok(word) = access::get::<u64>(self.0.0) {
            let _ = access::put(self.0.0, word & !LOCKED);
        }
        sched::preempt_add(-COUNT);
        crate::softirq::on_enable();
    }
}
