//! Sizes of types and places of members.

use super::index::Class;
use super::{Btf, Kind, MAX_DEPTH, TypeId};
use crate::bytes::u32_at;

/// No honest struct needs more steps to find a member in.
const BUDGET: u32 = 200_000;

/// Where a member lies in its struct, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Bytes from the start of the outermost struct to the byte that holds the member's first bit.
    pub offset: u64,
    /// The same in bits; not a multiple of 8 only for bit-fields.
    pub bit_offset: u64,
    /// Width of a bit-field in bits; 0 for any other member.
    pub bit_size: u32,
    /// Bytes of its type (of the declared type, for a bit-field).
    pub size: u64,
    /// Its type.
    pub type_id: TypeId,
}

impl<'a> Btf<'a> {
    /// The size of a type in bytes; `None` for `void`, functions and incomplete types.
    pub fn size(&self, id: TypeId) -> Option<u64> {
        let mut id = self.resolve(id)?;
        let mut count = 1u64;
        for _ in 0..MAX_DEPTH {
            let record = self.record(id)?;
            let unit = match record.kind {
                Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Float => {
                    u64::from(record.size_or_type)
                }
                Kind::Ptr => 8,
                Kind::Array => {
                    let (element, len) = record.array()?;
                    count = count.checked_mul(u64::from(len))?;
                    id = self.resolve(element)?;
                    continue;
                }
                _ => return None,
            };
            return count.checked_mul(unit);
        }
        None
    }

    /// The member at `path` of a struct or union: names joined by dots, looked for through anonymous
    /// structs and unions, with array indexes where wanted: `mkobj.kobj`, `arr[2].next`.
    pub fn member(&self, id: TypeId, path: &str) -> Option<Member> {
        let mut at = self.resolve(id)?;
        let (mut bits, mut bit_size) = (0u64, 0);
        for part in path.split('.') {
            let (name, mut indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
            // Only the last part can be a bit-field: it has no members.
            let found = self.find(self.resolve(at)?, name)?;
            bits = bits.checked_add(found.bit_offset)?;
            (at, bit_size) = (found.type_id, found.bit_size);
            while !indexes.is_empty() {
                let (index, rest) = indexes.strip_prefix('[')?.split_once(']')?;
                let (element, len) = self.array(at)?;
                // A length of 0 is a flexible array: its end is not known here.
                let index: u64 = index.parse().ok().filter(|&i| len == 0 || i < u64::from(len))?;
                bits = bits.checked_add(self.size(element)?.checked_mul(index)?.checked_mul(8)?)?;
                (at, indexes) = (element, rest);
            }
        }
        Some(Member { offset: bits / 8, bit_offset: bits, bit_size, size: self.size(at)?, type_id: at })
    }

    /// The members of a struct or union in their order, anonymous ones with an empty name.
    pub fn members(&self, id: TypeId) -> Vec<(&'a str, Member)> {
        let record = self.resolve(id).and_then(|id| self.record(id));
        let raw = record.into_iter().flat_map(|r| r.members());
        raw.filter_map(|m| {
            let bits = u64::from(m.bit_offset);
            let size = self.size(m.ty).unwrap_or(0);
            let member = Member { offset: bits / 8, bit_offset: bits, bit_size: m.bit_size, size, type_id: m.ty };
            Some((self.string(m.name_off)?, member))
        })
        .collect()
    }

    /// The member called `name`, offsets in bits; `size` is left 0.
    fn find(&self, id: TypeId, name: &str) -> Option<Member> {
        // Names are compared by their place in the strings, found once: comparing text would touch a page
        // of strings per member.
        let known = self.layout.candidates(Class::MemberName, name).find(|&off| self.is_string(off, name));
        Search { btf: self, name, name_off: known?, budget: BUDGET }.run(id, 0, 0)
    }
}

struct Search<'s, 'a> {
    btf: &'s Btf<'a>,
    name: &'s str,
    name_off: u32,
    budget: u32,
}

impl Search<'_, '_> {
    fn is_wanted(&self, name_off: u32) -> bool {
        if self.btf.layout.unique_strings {
            return name_off == self.name_off;
        }
        self.btf.is_string(name_off, self.name)
    }

    fn run(&mut self, id: TypeId, base: u64, depth: usize) -> Option<Member> {
        let record = self.btf.record(id)?;
        for m in record.members() {
            self.budget = self.budget.checked_sub(1)?;
            let bits = base.checked_add(u64::from(m.bit_offset))?;
            if self.is_wanted(m.name_off) {
                let (bit_size, type_id) = (self.bit_size(m.ty, m.bit_size), m.ty);
                return Some(Member { offset: 0, bit_offset: bits, bit_size, size: 0, type_id });
            }
            if m.name_off == 0 && depth < MAX_DEPTH {
                let inner = self.btf.resolve(m.ty)?;
                if let Some(found) = self.run(inner, bits, depth + 1) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Older BTF (kind flag 0) keeps a bit-field's width in its integer type.
    fn bit_size(&self, ty: TypeId, declared: u32) -> u32 {
        if declared != 0 {
            return declared;
        }
        let record = self.btf.record(ty).filter(|r| r.kind == Kind::Int);
        let narrow = record.and_then(|r| {
            let bits = u32_at(r.tail, 0)? & 0xff;
            (bits != 0 && bits != r.size_or_type.checked_mul(8)?).then_some(bits)
        });
        narrow.unwrap_or(0)
    }
}
