//! Arrays and their nodes in memory.

use super::entry::Entry;
use crate::klib::list::init_list_head;
use crate::klib::memory;
use crate::mm::owned::{self, Kind};
use crate::rcu;
use crate::sched;
use kabi::{Field, KPtr, KResult, profile, size_of_struct};
use std::sync::OnceLock;

/// Slots of a node.
pub(in crate::klib) const SLOTS: u8 = 64;
/// Bits of an index that a node takes.
pub(super) const BITS: u8 = 6;
/// Marks of each entry.
pub(super) const MARKS: u32 = 3;
/// The mark that means "free" in arrays that hand out ids.
pub(in crate::klib) const FREE: u32 = 0;

/// `struct xarray`.
#[derive(Debug)]
pub struct Xarray;
/// `struct xa_node`.
#[derive(Debug)]
pub struct XaNode;

pub(in crate::klib) type Array = KPtr<Xarray>;

/// Flags of an array.
const LOCK_IRQ: u32 = 1;
const TRACK_FREE: u32 = 4;
const ZERO_BUSY: u32 = 8;
/// Ids were handed out up to the last one.
pub(super) const WRAPPED: u32 = 16;

macro_rules! fields {
    ($of:literal: $($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new($of, $path);)*
    };
}
fields!("xarray": ARRAY_LOCK = "xa_lock", ARRAY_FLAGS = "xa_flags", ARRAY_HEAD = "xa_head");
fields!("xa_node": SHIFT = "shift", OFFSET = "offset", COUNT = "count", VALUES = "nr_values", PARENT = "parent",
    ARRAY = "array", LIST = "private_list", SLOT = "slots", MARK = "marks");

/// The topmost entry.
pub(in crate::klib) fn head(array: Array) -> KResult<Entry> {
    ARRAY_HEAD.get(array).map(Entry)
}

pub(in crate::klib) fn set_head(array: Array, entry: Entry) -> KResult {
    ARRAY_HEAD.put(array, entry.0)
}

/// The array's flags.
pub(in crate::klib) fn flags(array: Array) -> KResult<u32> {
    ARRAY_FLAGS.get(array)
}

pub(super) fn set_flags(array: Array, flags: u32) -> KResult {
    ARRAY_FLAGS.put(array, flags)
}

/// True if the array hands out ids: mark 0 then means a free slot.
pub(in crate::klib) fn tracks_free(array: Array) -> KResult<bool> {
    Ok(flags(array)? & TRACK_FREE != 0)
}

/// True if index 0 must not be handed out.
pub(super) fn zero_is_busy(array: Array) -> KResult<bool> {
    Ok(flags(array)? & ZERO_BUSY != 0)
}

/// Where the array's own marks begin among its flags: behind the GFP bits.
fn mark_bit(mark: u32) -> u32 {
    static SHIFT: OnceLock<u32> = OnceLock::new();
    let shift = SHIFT.get_or_init(|| profile().enum_value("___GFP_LAST_BIT").map_or(27, |bit| bit as u32));
    1 << (shift + mark)
}

/// True if an entry of the array has the mark.
pub(super) fn is_marked(array: Array, mark: u32) -> KResult<bool> {
    Ok(mark_flag(array, mark)? != 0)
}

/// The mark's bit of the array's flags.
pub(in crate::klib) fn mark_flag(array: Array, mark: u32) -> KResult<u32> {
    Ok(flags(array)? & mark_bit(mark))
}

pub(super) fn set_array_mark(array: Array, mark: u32, on: bool) -> KResult {
    let flags = flags(array)?;
    set_flags(array, if on { flags | mark_bit(mark) } else { flags & !mark_bit(mark) })
}

/// Does `work` with the array's lock held, in the way that its users take it.
pub(super) fn locked<R>(array: Array, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = ARRAY_LOCK.of(array)?;
    let flags = flags(array)?;
    let was_off = flags & LOCK_IRQ != 0 && sched::set_irqs_off(true);
    crate::locking::spinlock::lock(lock.cast())?;
    let result = work();
    crate::locking::spinlock::unlock(lock.cast())?;
    if flags & LOCK_IRQ != 0 {
        sched::set_irqs_off(was_off);
    }
    result
}

/// [`locked`] whatever the array's flags say, with interrupts as they were afterwards.
pub(in crate::klib) fn reserve_irq<R>(array: Array, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = ARRAY_LOCK.of(array)?;
    let was_off = sched::set_irqs_off(true);
    crate::locking::spinlock::lock(lock.cast())?;
    let result = work();
    crate::locking::spinlock::unlock(lock.cast())?;
    sched::set_irqs_off(was_off);
    result
}

/// A node of an array, or NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::klib) struct Node(KPtr<XaNode>);

/// What it is called in reports; arrays, radix trees and ids are made of them.
const NODE: Kind = Kind::Other("XArray node");

impl Node {
    pub const NULL: Self = Self(KPtr::NULL);

    pub const fn new(addr: u64) -> Self {
        Self(KPtr::new(addr))
    }

    pub fn addr(self) -> u64 {
        self.0.addr()
    }

    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// An empty node of no array.
    pub fn make() -> KResult<Self> {
        let node = Self(memory::take_part(NODE, size_of_struct("xa_node")?)?.cast());
        // Modules ask whether its list is empty.
        init_list_head(LIST.of(node.0)?)?;
        Ok(node)
    }

    /// Gives a node back that nobody ever saw.
    pub fn discard(self) -> KResult {
        memory::give_back_part(NODE, self.0.cast(), size_of_struct("xa_node")?);
        Ok(())
    }

    /// Gives a node back once nobody can be reading it.
    pub fn retire(self) -> KResult {
        // 1 tells inline code that the node is on its way out.
        ARRAY.put(self.0, 1u64)?;
        let len = size_of_struct("xa_node")?;
        let node = self.0.addr();
        owned::take(NODE, node);
        rcu::when_unread(move || memory::give_back(KPtr::new(node), len));
        Ok(())
    }

    pub fn shift(self) -> KResult<u8> {
        SHIFT.get(self.0)
    }

    pub fn set_shift(self, shift: u8) -> KResult {
        SHIFT.put(self.0, shift)
    }

    /// Its slot in its parent.
    pub fn offset(self) -> KResult<u8> {
        OFFSET.get(self.0)
    }

    pub fn set_offset(self, offset: u8) -> KResult {
        OFFSET.put(self.0, offset)
    }

    /// Slots in use.
    pub fn count(self) -> KResult<u8> {
        COUNT.get(self.0)
    }

    pub fn set_count(self, count: u8) -> KResult {
        COUNT.put(self.0, count)
    }

    /// Slots that hold numbers.
    pub fn values(self) -> KResult<u8> {
        VALUES.get(self.0)
    }

    pub fn set_values(self, count: u8) -> KResult {
        VALUES.put(self.0, count)
    }

    pub fn parent(self) -> KResult<Self> {
        PARENT.get(self.0).map(Self::new)
    }

    pub fn set_parent(self, parent: Self) -> KResult {
        PARENT.put(self.0, parent.addr())
    }

    pub fn array(self) -> KResult<Array> {
        ARRAY.get(self.0).map(Array::new)
    }

    pub fn set_array(self, array: Array) -> KResult {
        ARRAY.put(self.0, array.addr())
    }

    /// The address of a slot.
    pub fn slot_at(self, offset: u8) -> KResult<u64> {
        Ok(SLOT.of(self.0)?.addr() + 8 * u64::from(offset))
    }

    pub fn slot(self, offset: u8) -> KResult<Entry> {
        self.0.get(SLOT.offset()? + 8 * u64::from(offset)).map(Entry)
    }

    /// The node below a slot. In the lowest nodes there is none: a user's pointer may look like one.
    pub fn below(self, offset: u8) -> KResult<Option<Self>> {
        Ok(if self.shift()? == 0 { None } else { self.slot(offset)?.as_node() })
    }

    pub fn set_slot(self, offset: u8, entry: Entry) -> KResult {
        self.0.put(SLOT.offset()? + 8 * u64::from(offset), entry.0)
    }

    /// All slots' bits of a mark.
    pub fn marks(self, mark: u32) -> KResult<u64> {
        self.0.get(MARK.offset()? + 8 * u64::from(mark))
    }

    pub fn set_marks(self, mark: u32, bits: u64) -> KResult {
        self.0.put(MARK.offset()? + 8 * u64::from(mark), bits)
    }

    pub fn has_mark(self, offset: u8, mark: u32) -> KResult<bool> {
        Ok(self.marks(mark)? >> offset & 1 != 0)
    }

    /// Sets or clears a slot's mark; what it was.
    pub fn put_mark(self, offset: u8, mark: u32, on: bool) -> KResult<bool> {
        let (old, bit) = (self.marks(mark)?, 1 << offset);
        self.set_marks(mark, if on { old | bit } else { old & !bit })?;
        Ok(old & bit != 0)
    }

    /// The slot of this node that belongs to `index`.
    pub fn place_of(self, index: u64) -> KResult<u8> {
        Ok((index >> self.shift()?) as u8 & (SLOTS - 1))
    }

    /// Indices below one slot, less one.
    pub fn slot_mask(self) -> KResult<u64> {
        Ok((1 << self.shift()?) - 1)
    }
}
