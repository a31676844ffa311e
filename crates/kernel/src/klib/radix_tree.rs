//! The older names of the XArray. Counterpart: lib/radix-tree.c, include/linux/radix-tree.h.
//!
//! `struct radix_tree_root` is `struct xarray`, and tags are marks; the users hold a lock of their own. A walk by inline code
//! goes from chunk to chunk: each chunk that is given out here is one slot.

use super::xarray::{At, Cursor, Entry, Xarray, mark_flag, set_head};
use crate::sched;
use kabi::errno::{EEXIST, EINVAL};
use kabi::{KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};

exports![
    radix_tree_insert,
    radix_tree_lookup,
    radix_tree_lookup_slot,
    radix_tree_replace_slot,
    radix_tree_delete,
    radix_tree_delete_item,
    radix_tree_gang_lookup,
    radix_tree_gang_lookup_tag,
    radix_tree_tag_set,
    radix_tree_tag_clear,
    radix_tree_tag_get,
    radix_tree_tagged,
    radix_tree_preload,
    radix_tree_maybe_preload,
    radix_tree_next_chunk,
    radix_tree_iter_resume,
    radix_tree_iter_delete
];

type Root = KPtr<Xarray>;

/// `struct radix_tree_iter`: index, next index, tags of the rest of the chunk, node.
#[derive(Debug)]
pub struct Iter;

const INDEX: u64 = 0;
const NEXT: u64 = 8;
const TAGS: u64 = 16;
/// Flags of a walk; its lowest bits are a tag.
const TAG_MASK: u32 = 0x0f;
const TAGGED: u32 = 0x10;
const CONTIGUOUS: u32 = 0x20;

/// The address of the slot where a walk stands.
fn slot_of(root: Root, xas: &Cursor) -> KResult<u64> {
    match xas.at {
        At::Node(node) => node.slot_at(xas.offset),
        // The array's head is behind its lock and flags.
        _ => {
            static HEAD: kabi::Field = kabi::Field::new("xarray", "xa_head");
            Ok(HEAD.of(root)?.addr())
        }
    }
}

/// Puts an item at an index.
///
/// # Errors
/// `EEXIST`: there is one. `EINVAL`: it is no pointer. `ENOMEM`.
#[kexport(since = "2.6.0", header = "linux/radix-tree.h")]
fn radix_tree_insert(root: Root, index: c_ulong, item: u64) -> KResult<c_int> {
    if Entry(item).is_internal() {
        return Err(EINVAL.into());
    }
    let mut xas = Cursor::new(root, index);
    loop {
        if !xas.load()?.is_null() {
            xas.drop_spares()?;
            return Err(EEXIST.into());
        }
        xas.store(Entry(item))?;
        if !xas.refill()? {
            return xas.error().map_or(Ok(0), |errno| Err(errno.into()));
        }
    }
}

/// The item at an index, or NULL.
#[kexport(since = "2.6.0", header = "linux/radix-tree.h")]
fn radix_tree_lookup(root: Root, index: c_ulong) -> KResult<u64> {
    Ok(Cursor::new(root, index).load()?.0)
}

/// The slot of an item, or NULL.
#[kexport(since = "2.6.17", header = "linux/radix-tree.h")]
fn radix_tree_lookup_slot(root: Root, index: c_ulong) -> KResult<u64> {
    let mut xas = Cursor::new(root, index);
    if xas.load()?.is_null() { Ok(0) } else { slot_of(root, &xas) }
}

/// Replaces the item in a slot by another one.
#[kexport(since = "2.6.17", header = "linux/radix-tree.h")]
fn radix_tree_replace_slot(root: Root, slot: KPtr, item: u64) -> KResult {
    if slot_of(root, &Cursor::new(root, 0))? == slot.addr() { set_head(root, Entry(item)) } else { slot.put(0, item) }
}

/// Takes an item out; it.
#[kexport(since = "2.6.0", header = "linux/radix-tree.h")]
fn radix_tree_delete(root: Root, index: c_ulong) -> KResult<u64> {
    Ok(Cursor::new(root, index).store(Entry::NULL)?.0)
}

/// Takes an item out if it is the expected one; it, or NULL.
#[kexport(since = "3.14", header = "linux/radix-tree.h")]
fn radix_tree_delete_item(root: Root, index: c_ulong, item: u64) -> KResult<u64> {
    let found = radix_tree_lookup(root, index)?;
    if found == 0 || item != 0 && found != item { Ok(0) } else { radix_tree_delete(root, index) }
}

fn next(xas: &mut Cursor, tag: Option<u32>) -> KResult<Entry> {
    match tag {
        Some(tag) => xas.find_marked(u64::MAX, tag),
        None => xas.find(u64::MAX),
    }
}

fn gang(root: Root, results: KPtr, first: u64, most: c_uint, tag: Option<u32>) -> KResult<c_uint> {
    let mut xas = Cursor::new(root, first);
    for i in 0..most {
        match next(&mut xas, tag)? {
            Entry::NULL => return Ok(i),
            entry => results.put(8 * u64::from(i), entry.0)?,
        }
    }
    Ok(most)
}

/// Copies up to so many items from an index on; how many they are.
#[kexport(since = "2.6.0", header = "linux/radix-tree.h")]
fn radix_tree_gang_lookup(root: Root, results: KPtr, first: c_ulong, most: c_uint) -> KResult<c_uint> {
    gang(root, results, first, most, None)
}

/// [`radix_tree_gang_lookup`] of items with a tag.
#[kexport(since = "2.6.6", header = "linux/radix-tree.h")]
fn radix_tree_gang_lookup_tag(root: Root, results: KPtr, first: c_ulong, most: c_uint, tag: c_uint) -> KResult<c_uint> {
    gang(root, results, first, most, Some(tag))
}

/// Tags the item at an index; it.
#[kexport(since = "2.6.6", header = "linux/radix-tree.h")]
fn radix_tree_tag_set(root: Root, index: c_ulong, tag: c_uint) -> KResult<u64> {
    let mut xas = Cursor::new(root, index);
    let entry = xas.load()?;
    xas.set_mark(tag)?;
    Ok(entry.0)
}

/// Takes a tag from the item at an index; it.
#[kexport(since = "2.6.6", header = "linux/radix-tree.h")]
fn radix_tree_tag_clear(root: Root, index: c_ulong, tag: c_uint) -> KResult<u64> {
    let mut xas = Cursor::new(root, index);
    let entry = xas.load()?;
    xas.clear_mark(tag)?;
    Ok(entry.0)
}

/// 1 if the item at an index has a tag.
#[kexport(since = "2.6.12", header = "linux/radix-tree.h")]
fn radix_tree_tag_get(root: Root, index: c_ulong, tag: c_uint) -> KResult<c_int> {
    let mut xas = Cursor::new(root, index);
    let there = !xas.load()?.is_null();
    Ok(c_int::from(there && xas.has_mark(tag)?))
}

/// Not 0 if any item has a tag: the tag's bit among the root's flags.
#[kexport(since = "2.6.6", header = "linux/radix-tree.h")]
fn radix_tree_tagged(root: Root, tag: c_uint) -> KResult<c_int> {
    Ok(mark_flag(root, tag)? as c_int)
}

/// Begins a section without preemption in which an item can be inserted without waiting: memory is there at once.
#[kexport(since = "2.6.0", header = "linux/radix-tree.h")]
fn radix_tree_preload(_gfp: c_uint) -> c_int {
    sched::preempt_add(1);
    0
}

/// [`radix_tree_preload`] for a walk that may not be allowed to wait.
#[kexport(since = "3.12", header = "linux/radix-tree.h")]
fn radix_tree_maybe_preload(_gfp: c_uint) -> c_int {
    radix_tree_preload(0)
}

/// The next slot of a walk, or NULL.
#[kexport(since = "3.4", header = "linux/radix-tree.h")]
fn radix_tree_next_chunk(root: Root, iter: KPtr<Iter>, flags: c_uint) -> KResult<u64> {
    let (index, start): (u64, u64) = (iter.get(INDEX)?, iter.get(NEXT)?);
    // It wrapped around: the last index was the largest one.
    if start == 0 && index != 0 {
        return Ok(0);
    }
    let mut xas = Cursor::new(root, start);
    let entry = next(&mut xas, (flags & TAGGED != 0).then_some(flags & TAG_MASK))?;
    if entry.is_null() || flags & CONTIGUOUS != 0 && xas.index != start {
        return Ok(0);
    }
    iter.put(INDEX, xas.index)?;
    iter.put(NEXT, xas.index.wrapping_add(1))?;
    iter.put(TAGS, 1u64)?;
    slot_of(root, &xas)
}

/// Makes a walk go on behind its item after the lock was let go.
#[kexport(since = "4.11", header = "linux/radix-tree.h")]
fn radix_tree_iter_resume(_slot: KPtr, iter: KPtr<Iter>) -> KResult<u64> {
    let next = iter.get::<u64>(INDEX)?.wrapping_add(1);
    iter.put(INDEX, next)?;
    iter.put(NEXT, next)?;
    iter.put(TAGS, 0u64)?;
    Ok(0)
}

/// Takes the item of a walk out.
#[kexport(since = "4.11", header = "linux/radix-tree.h")]
fn radix_tree_iter_delete(root: Root, iter: KPtr<Iter>, _slot: KPtr) -> KResult {
    radix_tree_delete(root, iter.get(INDEX)?).map(|_| ())
}
