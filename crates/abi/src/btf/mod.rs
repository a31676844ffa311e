//! BTF, the kernel's type information, read in place.
//!
//! Format: Documentation/bpf/btf.rst. [`Btf`] is a view of the raw bytes and of an index made once
//! ([`build_index`]): opening it parses nothing, and every query reads only the records it needs.
//! Damaged bytes give `None`, never a panic or an endless loop.

mod decl;
pub(crate) mod index;
mod layout;
mod proto;
pub(crate) mod write;

pub use index::build as build_index;
pub use layout::Member;
pub use proto::{Param, Prototype, Value, ValueClass};

use crate::bytes::{str_at, u32_at};
use index::{Class, Layout};

/// Chains of typedefs, qualifiers and arrays longer than this are damage.
const MAX_DEPTH: usize = 64;

/// The number of a type within its BTF. 0 is `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

impl TypeId {
    /// The type `void`.
    pub const VOID: TypeId = TypeId(0);
}

/// What a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the format")]
pub enum Kind {
    Void,
    Int,
    Ptr,
    Array,
    Struct,
    Union,
    Enum,
    Fwd,
    Typedef,
    Volatile,
    Const,
    Restrict,
    Func,
    FuncProto,
    Var,
    DataSec,
    Float,
    DeclTag,
    TypeTag,
    Enum64,
}

impl Kind {
    fn from_raw(n: u32) -> Option<Kind> {
        use Kind::*;
        const KINDS: [Kind; 20] = [
            Void, Int, Ptr, Array, Struct, Union, Enum, Fwd, Typedef, Volatile, Const, Restrict, Func, FuncProto, Var,
            DataSec, Float, DeclTag, TypeTag, Enum64,
        ];
        KINDS.get(n as usize).copied()
    }

    /// The length of what follows the 12-byte record.
    fn tail_len(self, vlen: usize) -> usize {
        match self {
            Kind::Int | Kind::Var | Kind::DeclTag => 4,
            Kind::Array => 12,
            Kind::Struct | Kind::Union | Kind::DataSec | Kind::Enum64 => 12 * vlen,
            Kind::Enum | Kind::FuncProto => 8 * vlen,
            _ => 0,
        }
    }
}

/// One type's record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub name_off: u32,
    pub kind: Kind,
    pub kflag: bool,
    /// A size or a type, by kind.
    pub size_or_type: u32,
    pub tail: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at `off` of the types.
    pub fn read(types: &'a [u8], off: usize) -> Option<Self> {
        let info = u32_at(types, off.checked_add(4)?)?;
        let (kind, vlen) = (Kind::from_raw(info >> 24 & 0x1f)?, (info & 0xffff) as usize);
        Some(Record {
            name_off: u32_at(types, off)?,
            kind,
            kflag: info >> 31 != 0,
            size_or_type: u32_at(types, off.checked_add(8)?)?,
            tail: crate::bytes::slice(types, off.checked_add(12)?, kind.tail_len(vlen))?,
        })
    }

    /// The bytes of the record.
    pub fn len(&self) -> usize {
        12 + self.tail.len()
    }

    fn target(&self) -> TypeId {
        TypeId(self.size_or_type)
    }

    /// The members of a struct or union: (name offset, type, bit offset, bit size or 0).
    fn members(&self) -> impl Iterator<Item = RawMember> + use<'a> {
        let kflag = self.kflag;
        let tail = if matches!(self.kind, Kind::Struct | Kind::Union) { self.tail } else { &[] };
        tail.chunks_exact(12).filter_map(move |m| {
            let offset = u32_at(m, 8)?;
            let (bit_offset, bit_size) = if kflag { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
            Some(RawMember { name_off: u32_at(m, 0)?, ty: TypeId(u32_at(m, 4)?), bit_offset, bit_size })
        })
    }

    /// The element type and length of an array.
    fn array(&self) -> Option<(TypeId, u32)> {
        (self.kind == Kind::Array).then_some(())?;
        Some((TypeId(u32_at(self.tail, 0)?), u32_at(self.tail, 8)?))
    }

    /// The parameters of a prototype: (name offset, type); {0, 0} at the end means "...".
    fn params(&self) -> impl Iterator<Item = (u32, TypeId)> + use<'a> {
        let tail = if self.kind == Kind::FuncProto { self.tail } else { &[] };
        tail.chunks_exact(8).filter_map(|p| Some((u32_at(p, 0)?, TypeId(u32_at(p, 4)?))))
    }

    /// The values of an enum: (name offset, value).
    fn enumerators(&self) -> impl Iterator<Item = (u32, i64)> + use<'a> {
        let (signed, wide) = (self.kflag, self.kind == Kind::Enum64);
        let (tail, step) = match self.kind {
            Kind::Enum => (self.tail, 8),
            Kind::Enum64 => (self.tail, 12),
            _ => (&[][..], 8),
        };
        tail.chunks_exact(step).filter_map(move |e| {
            let low = u32_at(e, 4)?;
            let value = match (wide, signed) {
                (true, _) => (u64::from(u32_at(e, 8)?) << 32 | u64::from(low)) as i64,
                (false, true) => i64::from(low as i32),
                (false, false) => i64::from(low),
            };
            Some((u32_at(e, 0)?, value))
        })
    }
}

/// A member as its struct's record has it.
#[derive(Debug, Clone, Copy)]
struct RawMember {
    name_off: u32,
    ty: TypeId,
    bit_offset: u32,
    bit_size: u32,
}

/// A view of BTF bytes and their index.
#[derive(Debug, Clone, Copy)]
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    layout: Layout<'a>,
}

impl<'a> Btf<'a> {
    /// A view of `raw` by an index that [`build_index`] made of it. `None` if they do not fit together.
    pub fn new(raw: &'a [u8], index: &'a [u8]) -> Option<Self> {
        let layout = Layout::read(index)?;
        Some(Btf {
            types: raw.get(layout.types.clone_range())?,
            strings: raw.get(layout.strings.clone_range())?,
            layout,
        })
    }

    /// The number of types, `void` included.
    pub fn type_count(&self) -> u32 {
        self.layout.count
    }

    pub(crate) fn record(&self, id: TypeId) -> Option<Record<'a>> {
        if id == TypeId::VOID {
            return Some(Record { name_off: 0, kind: Kind::Void, kflag: false, size_or_type: 0, tail: &[] });
        }
        Record::read(self.types, self.layout.offset_of(id.0)? as usize)
    }

    fn string(&self, off: u32) -> Option<&'a str> {
        str_at(self.strings, off as usize)
    }

    /// What a type is.
    pub fn kind(&self, id: TypeId) -> Option<Kind> {
        self.record(id).map(|r| r.kind)
    }

    /// A type's name; empty for an anonymous one.
    pub fn name(&self, id: TypeId) -> Option<&'a str> {
        self.string(self.record(id)?.name_off)
    }

    /// The first type of a class with this name.
    fn named(&self, class: Class, name: &str) -> Option<TypeId> {
        self.all_named(class, name).next()
    }

    fn all_named<'n>(&self, class: Class, name: &'n str) -> impl Iterator<Item = TypeId> + use<'a, 'n> {
        let this = *self;
        this.layout
            .candidates(class, name)
            .map(TypeId)
            .filter(move |&id| this.record(id).is_some_and(|r| this.is_string(r.name_off, name)))
    }

    fn is_string(&self, off: u32, want: &str) -> bool {
        crate::bytes::str_is(self.strings, off as usize, want)
    }

    /// A type by its C name: "struct page", "union u", "enum e", or a bare name, which is looked for among
    /// typedefs, structs, unions, enums and base types, in this order.
    pub fn type_by_name(&self, name: &str) -> Option<TypeId> {
        let name = name.trim();
        for (prefix, class) in [("struct ", Class::Struct), ("union ", Class::Union), ("enum ", Class::Enum)] {
            if let Some(bare) = name.strip_prefix(prefix) {
                return self.named(class, bare.trim_start());
            }
        }
        let order = [Class::Typedef, Class::Struct, Class::Union, Class::Enum, Class::Base];
        order.into_iter().find_map(|class| self.named(class, name))
    }

    /// A struct or union by its bare name (or with "struct " or "union " before it), looked for among
    /// structs, unions and typedefs of them, in this order.
    pub fn aggregate(&self, name: &str) -> Option<TypeId> {
        let found = match name.split_once(' ') {
            Some(_) => self.type_by_name(name),
            None => [Class::Struct, Class::Union, Class::Typedef].into_iter().find_map(|c| self.named(c, name)),
        };
        self.resolve(found?)
    }

    /// Every function of this name (static functions can share one).
    pub fn functions<'n>(&self, name: &'n str) -> impl Iterator<Item = TypeId> + use<'a, 'n> {
        self.all_named(Class::Func, name)
    }

    /// The type behind typedefs and qualifiers.
    pub fn resolve(&self, mut id: TypeId) -> Option<TypeId> {
        for _ in 0..MAX_DEPTH {
            let record = self.record(id)?;
            match record.kind {
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => id = record.target(),
                _ => return Some(id),
            }
        }
        None
    }

    /// The element type and length of an array type.
    pub fn array(&self, id: TypeId) -> Option<(TypeId, u32)> {
        self.record(self.resolve(id)?)?.array()
    }

    /// What a pointer points to.
    pub fn pointee(&self, id: TypeId) -> Option<TypeId> {
        let record = self.record(self.resolve(id)?)?;
        (record.kind == Kind::Ptr).then(|| record.target())
    }

    /// The type of a variable (only per-CPU variables, as a rule, have a record).
    pub fn variable(&self, name: &str) -> Option<TypeId> {
        Some(self.record(self.named(Class::Var, name)?)?.target())
    }

    /// The value of an enumerator, whichever enum it is in.
    pub fn enum_value(&self, name: &str) -> Option<i64> {
        let enums = self.layout.candidates(Class::Enumerator, name).map(TypeId);
        enums.filter_map(|id| self.enumerator_of(id, name)).next()
    }

    /// The value of an enumerator of one enum.
    pub fn enumerator_of(&self, id: TypeId, name: &str) -> Option<i64> {
        let record = self.record(self.resolve(id)?)?;
        record.enumerators().find(|&(off, _)| self.is_string(off, name)).map(|(_, value)| value)
    }

    /// The enumerators of an enum, in their order.
    pub fn enumerators(&self, id: TypeId) -> Vec<(&'a str, i64)> {
        let record = self.resolve(id).and_then(|id| self.record(id));
        let all = record.into_iter().flat_map(|r| r.enumerators());
        all.filter_map(|(off, value)| Some((self.string(off)?, value))).collect()
    }
}

#[cfg(test)]
mod tests;
