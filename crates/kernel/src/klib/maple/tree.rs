//! `struct maple_tree`, and the slots that belong to it.

use super::ranges::Ranges;
use crate::klib::memory;
use crate::mm::owned::{self, Kind};
use crate::{fault, rcu};
use kabi::{Field, KPtr, KResult};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// `struct maple_tree`.
#[derive(Debug)]
pub struct MapleTree;

pub(super) type Tree = KPtr<MapleTree>;

static LOCK: Field = Field::new("maple_tree", "ma_lock");
static FLAGS: Field = Field::new("maple_tree", "ma_flags");
static ROOT: Field = Field::new("maple_tree", "ma_root");

/// Flags: gaps are looked for; the bits of the height.
const ALLOC_RANGE: u32 = 1;
const HEIGHT_SHIFT: u32 = 2;
const HEIGHT: u32 = 0x7c;
/// Ids were handed out up to the last one.
pub(super) const WRAPPED: u32 = 0x800;

/// What a tree's slots are called in reports.
const SLOTS: Kind = Kind::Other("maple tree");
/// Bytes of the block that stands for them: a node's.
const BLOCK: usize = 256;
/// Sign of a node in the root.
const NODE: u64 = 2;

/// What a root is.
#[derive(Debug)]
pub(super) enum Root {
    Empty,
    /// Nothing but an entry for index 0.
    One(u64),
    Slots(Slots),
}

/// The slots of one tree.
#[derive(Debug)]
pub(super) struct Slots {
    block: u64,
    ranges: Arc<RwLock<Ranges>>,
}

type Shard = Mutex<HashMap<u64, Arc<RwLock<Ranges>>>>;

/// All slots by their blocks.
fn shard(block: u64) -> &'static Shard {
    static SHARDS: std::sync::LazyLock<[Shard; 16]> = std::sync::LazyLock::new(Default::default);
    &SHARDS[(block >> 8) as usize % 16]
}

fn with_shard<R>(block: u64, work: impl FnOnce(&mut HashMap<u64, Arc<RwLock<Ranges>>>) -> R) -> R {
    work(&mut shard(block).lock().unwrap_or_else(PoisonError::into_inner))
}

impl Slots {
    pub fn read(&self) -> RwLockReadGuard<'_, Ranges> {
        self.ranges.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, Ranges> {
        self.ranges.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address that stands for a node.
    pub fn node(&self) -> u64 {
        self.block
    }

    /// They go once nobody can be reading them.
    fn retire(self) {
        owned::take(SLOTS, self.block);
        rcu::when_unread(move || {
            with_shard(self.block, |slots| slots.remove(&self.block));
            memory::give_back(KPtr::new(self.block), BLOCK);
        });
    }
}

/// True if a root's word, or an entry, looks like a node.
fn is_node(word: u64) -> bool {
    word & 3 == NODE && word > 4096
}

/// The tree's root.
pub(super) fn root(tree: Tree) -> KResult<Root> {
    let word: u64 = ROOT.get(tree)?;
    if word == 0 {
        return Ok(Root::Empty);
    }
    if !is_node(word) {
        return Ok(Root::One(word));
    }
    let block = word - NODE;
    // Who follows a root that never was one falls, as in Linux. One that is gone was another CPU's to take away.
    KPtr::<()>::new(block).get::<u64>(0)?;
    let ranges = with_shard(block, |slots| slots.get(&block).cloned());
    Ok(ranges.map_or(Root::Empty, |ranges| Root::Slots(Slots { block, ranges })))
}

/// Makes an entry that can stand there the root; 0 for an empty tree.
pub(super) fn set_one(tree: Tree, entry: u64) -> KResult {
    let old = root(tree)?;
    ROOT.put(tree, entry)?;
    if let Root::Slots(slots) = old {
        set_height(tree, 0)?;
        slots.retire();
    }
    Ok(())
}

/// True if an entry can be the root itself.
pub(super) fn can_be_root(entry: u64) -> bool {
    entry & 3 != NODE
}

/// Makes slots the root of a tree that has none.
///
/// # Errors
/// `ENOMEM`.
pub(super) fn plant(tree: Tree, ranges: Ranges) -> KResult<Slots> {
    let block = memory::take_part(SLOTS, BLOCK)?.addr();
    let height = ranges.height();
    let ranges = Arc::new(RwLock::new(ranges));
    with_shard(block, |slots| slots.insert(block, Arc::clone(&ranges)));
    ROOT.put(tree, block | NODE)?;
    set_height(tree, height)?;
    Ok(Slots { block, ranges })
}

/// Writes the number of levels to where inline code reads it.
pub(super) fn set_height(tree: Tree, height: u32) -> KResult {
    let old = flags(tree)?;
    let new = old & !HEIGHT | height << HEIGHT_SHIFT & HEIGHT;
    if new == old { Ok(()) } else { set_flags(tree, new) }
}

/// The tree's flags.
pub(super) fn flags(tree: Tree) -> KResult<u32> {
    FLAGS.get(tree)
}

pub(super) fn set_flags(tree: Tree, flags: u32) -> KResult {
    FLAGS.put(tree, flags)
}

/// The flags without the height.
pub(super) fn attributes(tree: Tree) -> KResult<u32> {
    Ok(flags(tree)? & !HEIGHT)
}

/// True if the tree hands out ranges.
pub(super) fn hands_out(tree: Tree) -> KResult<bool> {
    Ok(flags(tree)? & ALLOC_RANGE != 0)
}

/// Empties a tree. Before 6.4 its flags go, too.
pub(super) fn destroy(tree: Tree) -> KResult {
    set_one(tree, 0)?;
    let left = if super::state::is_newer() { attributes(tree)? } else { 0 };
    set_flags(tree, left)
}

/// Does `work` with the tree's lock held.
pub(super) fn locked<R>(tree: Tree, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = LOCK.of(tree)?.cast();
    crate::locking::spinlock::lock(lock)?;
    let result = work();
    crate::locking::spinlock::unlock(lock)?;
    result
}

/// Says once for each function that it was given an entry that is reserved.
pub(super) fn warn_reserved(function: &'static str) {
    static WARNED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if !warned.contains(&function) {
        warned.push(function);
        drop(warned);
        fault::warn_in(function, "lib/maple_tree.c", 0, None);
    }
}
