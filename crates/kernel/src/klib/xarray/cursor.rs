//! The state of a walk: where it stands, how it comes there, and how it makes the nodes on its way.

use super::entry::Entry;
use super::node::{
    Array, BITS, FREE, MARKS, Node, SLOTS, head, is_marked, set_array_mark, set_head, tracks_free, zero_is_busy,
};
use kabi::errno::ENOMEM;
use kabi::{Errno, Field, KPtr, KResult};

/// Where a walk stands (`xa_node` of `struct xa_state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::klib) enum At {
    /// It has to begin at the top.
    Restart,
    /// Beyond what the array has.
    Bounds,
    /// It failed.
    Failed(Errno),
    /// The array has but one entry: that.
    Head,
    /// In a node.
    Node(Node),
}

impl At {
    fn from_word(word: u64) -> Self {
        match word {
            0 => Self::Head,
            1 => Self::Bounds,
            3 => Self::Restart,
            _ if word & 3 == 2 => Self::Failed(Errno(-((word as i64) >> 2) as i32)),
            addr => Self::Node(Node::new(addr)),
        }
    }

    fn to_word(self) -> u64 {
        match self {
            Self::Head => 0,
            Self::Bounds => 1,
            Self::Restart => 3,
            Self::Failed(errno) => Entry::error(errno).0,
            Self::Node(node) => node.addr(),
        }
    }
}

/// `struct xa_state`.
#[derive(Debug)]
pub struct XaState;

macro_rules! fields {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new("xa_state", $path);)*
    };
}
fields!(
    XA = "xa",
    INDEX = "xa_index",
    SHIFT = "xa_shift",
    SIBS = "xa_sibs",
    OFFSET = "xa_offset",
    NODE = "xa_node",
    SPARE = "xa_alloc",
    UPDATE = "xa_update"
);

/// A walk.
#[derive(Debug, Clone)]
pub(in crate::klib) struct Cursor {
    pub array: Array,
    pub index: u64,
    /// Size of the entry that it is about: a power of two ...
    pub shift: u8,
    /// ... and so many slots more.
    pub sibs: u8,
    pub offset: u8,
    pub at: At,
    /// Nodes that were allocated beforehand, linked by their parents.
    pub spare: Node,
    /// A module's function that is told of changed nodes.
    pub update: u64,
}

impl Cursor {
    /// A walk that begins at an index.
    pub fn new(array: Array, index: u64) -> Self {
        Self { array, index, shift: 0, sibs: 0, offset: 0, at: At::Restart, spare: Node::NULL, update: 0 }
    }

    /// A module's walk.
    pub fn load_state(state: KPtr<XaState>) -> KResult<Self> {
        Ok(Self {
            array: Array::new(XA.get(state)?),
            index: INDEX.get(state)?,
            shift: SHIFT.get(state)?,
            sibs: SIBS.get(state)?,
            offset: OFFSET.get(state)?,
            at: At::from_word(NODE.get(state)?),
            spare: Node::new(SPARE.get(state)?),
            update: UPDATE.get(state)?,
        })
    }

    /// Puts it back into the module's structure.
    pub fn save_state(&self, state: KPtr<XaState>) -> KResult {
        INDEX.put(state, self.index)?;
        SHIFT.put(state, self.shift)?;
        SIBS.put(state, self.sibs)?;
        OFFSET.put(state, self.offset)?;
        NODE.put(state, self.at.to_word())?;
        SPARE.put(state, self.spare.addr())
    }

    pub fn node(&self) -> Option<Node> {
        match self.at {
            At::Node(node) => Some(node),
            _ => None,
        }
    }

    /// True if it stands in a node or at the head.
    pub fn is_valid(&self) -> bool {
        matches!(self.at, At::Node(_) | At::Head)
    }

    /// Why it failed.
    pub fn error(&self) -> Option<Errno> {
        match self.at {
            At::Failed(errno) => Some(errno),
            _ => None,
        }
    }

    pub fn fail(&mut self, errno: Errno) {
        self.at = At::Failed(errno);
    }

    /// The last index that its entry covers; for one that covers all from 0 on, one more.
    fn last(&self) -> u64 {
        let mask = self.size() - 1;
        match self.index | mask {
            all if mask != 0 && all == mask => all.wrapping_add(1),
            all => all,
        }
    }

    /// How many indices its entry covers.
    pub fn size(&self) -> u64 {
        (u64::from(self.sibs) + 1) << self.shift
    }

    /// What stands at a slot, with siblings resolved; the walk then stands there.
    pub fn enter(&mut self, node: Node) -> KResult<Entry> {
        let mut offset = node.place_of(self.index)?;
        let mut entry = node.slot(offset)?;
        while let Some(of) = entry.as_sibling() {
            offset = of;
            entry = node.slot(offset)?;
            // A reader may see a sibling of what is being replaced by a node.
            if node.shift()? > 0 && entry.as_node().is_some() {
                entry = Entry::RETRY;
            }
        }
        (self.at, self.offset) = (At::Node(node), offset);
        Ok(entry)
    }

    /// The entry where it stands already, or the topmost one if it has to begin.
    pub fn begin(&mut self) -> KResult<Entry> {
        match self.at {
            At::Failed(_) => return Ok(Entry::NULL),
            At::Head => return head(self.array),
            At::Node(node) => {
                let offset = node.place_of(self.index)?;
                let entry = node.slot(offset)?;
                return entry.as_sibling().map_or(Ok(entry), |of| node.slot(of));
            }
            At::Restart | At::Bounds => {}
        }
        let top = head(self.array)?;
        if self.index > covered(top)? {
            self.at = At::Bounds;
            return Ok(Entry::NULL);
        }
        self.at = At::Head;
        Ok(top)
    }

    /// Goes to its index, as far down as the size of its entry wants; what is there.
    pub fn load(&mut self) -> KResult<Entry> {
        let mut entry = self.begin()?;
        while let Some(node) = entry.as_node() {
            let shift = node.shift()?;
            if self.shift > shift {
                break;
            }
            entry = self.enter(node)?;
            if shift == 0 {
                break;
            }
        }
        Ok(entry)
    }

    /// Tells the walk's owner that a node changed.
    pub fn changed(&self, node: Node) -> KResult {
        if self.update == 0 { Ok(()) } else { kabi::call(self.update, &[node.addr()]).map(|_| ()) }
    }

    /// A node below where the walk stands; `None`, and the walk has failed, if there is no memory.
    fn grow(&mut self, shift: u8) -> KResult<Option<Node>> {
        let node = if self.spare.is_null() {
            match Node::make() {
                Ok(node) => node,
                Err(_) => {
                    self.fail(ENOMEM);
                    return Ok(None);
                }
            }
        } else {
            std::mem::replace(&mut self.spare, Node::NULL)
        };
        node.set_parent(Node::NULL)?;
        if let Some(parent) = self.node() {
            node.set_offset(self.offset)?;
            node.set_parent(parent)?;
            parent.set_count(parent.count()? + 1)?;
            self.changed(parent)?;
        }
        node.set_shift(shift)?;
        node.set_count(0)?;
        node.set_values(0)?;
        node.set_array(self.array)?;
        Ok(Some(node))
    }

    /// Puts nodes on top until the array reaches the walk's index: the height above the topmost node then, or that which
    /// the nodes of an empty array need; `None` without memory.
    fn raise(&mut self, top: Entry) -> KResult<Option<u8>> {
        self.at = At::Head;
        let last = self.last();
        if top.is_null() {
            let needed = (0..).step_by(BITS.into()).find(|height| *height >= 64 || last >> height == 0);
            return Ok(needed.map(|height| height as u8));
        }
        let mut top = top;
        loop {
            let height = match top.as_node() {
                Some(node) => node.shift()? + BITS,
                None => 0,
            };
            if last <= covered(top)? {
                self.at = top.as_node().map_or(At::Head, At::Node);
                return Ok(Some(height));
            }
            self.at = At::Head;
            let Some(node) = self.grow(height)? else { return Ok(None) };
            top = self.put_on_top(node, top)?;
        }
    }

    /// Makes a new node the topmost one, with what was the topmost entry in its first slot.
    fn put_on_top(&mut self, node: Node, below: Entry) -> KResult<Entry> {
        if let Some(child) = below.as_node() {
            child.set_parent(node)?;
            child.set_offset(0)?;
        }
        node.set_slot(0, below)?;
        node.set_count(1)?;
        node.set_values(u8::from(below.is_value()))?;
        self.inherit_marks(node)?;
        let top = Entry::of_node(node);
        set_head(self.array, top)?;
        self.changed(node)?;
        Ok(top)
    }

    /// A new topmost node has the marks that the array had; all of its other slots are free.
    fn inherit_marks(&self, node: Node) -> KResult {
        for mark in 0..MARKS {
            let marked = is_marked(self.array, mark)?;
            if mark == FREE && tracks_free(self.array)? {
                node.set_marks(mark, if marked { u64::MAX } else { u64::MAX - 1 })?;
                set_array_mark(self.array, mark, true)?;
            } else if marked {
                node.put_mark(0, mark, true)?;
            }
        }
        Ok(())
    }

    /// Goes to its index and makes the nodes that are missing; what is there. `at_head`: an entry may stand without a node.
    pub fn create(&mut self, at_head: bool) -> KResult<Entry> {
        let Some((mut link, mut height)) = self.start(at_head)? else { return Ok(Entry::NULL) };
        let mut entry = link.get(self.array)?;
        while height > self.shift {
            height -= BITS;
            let Some(node) = self.open(link, entry, height)? else { break };
            entry = self.enter(node)?;
            link = Link::Slot(node, self.offset);
        }
        Ok(if self.error().is_some() { Entry::NULL } else { entry })
    }

    /// Where a walk that makes nodes begins, and the height there; `None` if it failed.
    fn start(&mut self, at_head: bool) -> KResult<Option<(Link, u8)>> {
        match self.at {
            At::Failed(_) => Ok(None),
            At::Node(node) => Ok(Some((Link::Slot(node, self.offset), node.shift()?))),
            At::Restart | At::Bounds | At::Head => {
                let top = head(self.array)?;
                let reserved = top.is_null() && zero_is_busy(self.array)?;
                let Some(height) = self.raise(if reserved { Entry::ZERO } else { top })? else { return Ok(None) };
                self.at = At::Head;
                Ok(Some((Link::Head, if height == 0 && !at_head { BITS } else { height })))
            }
        }
    }

    /// The node behind a link, made if there is nothing; `None` if an entry stands there, or there is no memory.
    fn open(&mut self, link: Link, entry: Entry, height: u8) -> KResult<Option<Node>> {
        if entry.as_node().is_some() || !entry.is_null() {
            return Ok(entry.as_node());
        }
        let Some(node) = self.grow(height)? else { return Ok(None) };
        if tracks_free(self.array)? {
            node.set_marks(FREE, u64::MAX)?;
        }
        link.put(self.array, Entry::of_node(node))?;
        Ok(Some(node))
    }

    /// Allocates what a failed walk lacked; true if it should be tried again. Frees what was not used otherwise.
    pub fn refill(&mut self) -> KResult<bool> {
        if self.at != At::Failed(ENOMEM) {
            self.drop_spares()?;
            return Ok(false);
        }
        let Ok(node) = Node::make() else { return Ok(false) };
        self.spare = node;
        self.at = At::Restart;
        Ok(true)
    }

    /// Gives nodes back that were allocated beforehand.
    pub fn drop_spares(&mut self) -> KResult {
        while !self.spare.is_null() {
            let next = self.spare.parent()?;
            std::mem::replace(&mut self.spare, next).discard()?;
        }
        Ok(())
    }
}

/// A place where an entry stands.
#[derive(Debug, Clone, Copy)]
enum Link {
    Head,
    Slot(Node, u8),
}

impl Link {
    fn get(self, array: Array) -> KResult<Entry> {
        match self {
            Self::Head => head(array),
            Self::Slot(node, offset) => node.slot(offset),
        }
    }

    fn put(self, array: Array, entry: Entry) -> KResult {
        match self {
            Self::Head => set_head(array, entry),
            Self::Slot(node, offset) => node.set_slot(offset, entry),
        }
    }
}

/// The last index that the array reaches with this topmost entry.
pub(super) fn covered(top: Entry) -> KResult<u64> {
    let Some(node) = top.as_node() else { return Ok(0) };
    Ok(u64::from(SLOTS).checked_shl(node.shift()?.into()).map_or(u64::MAX, |size| size.wrapping_sub(1)))
}
