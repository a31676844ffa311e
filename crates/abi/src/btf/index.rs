//! The index that makes BTF searchable in place: where each type starts, and names to types.
//!
//! Layout (little endian): a 32-byte head {version, count, types start, types length, strings start,
//! strings length, flags, hash start}, one u32 per type (its offset), then the hash index.

use super::{Kind, Record};
use crate::bytes::{cstr_at, slice, u16_at, u32_at};
use crate::error::{Error, Result};
use crate::hash;
use std::collections::HashSet;

const HEAD: usize = 32;
const VERSION: u32 = 1;
/// Every string occurs once, so equal names have equal offsets.
const UNIQUE_STRINGS: u32 = 1;

/// The name spaces of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Struct = 1,
    Union,
    Enum,
    Typedef,
    Base,
    Func,
    Var,
    Enumerator,
    /// A member's name; the value is the string's offset, not a type.
    MemberName,
}

/// A range of the raw bytes, small and `Copy`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub fn clone_range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

/// A read index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'a> {
    pub count: u32,
    pub types: Span,
    pub strings: Span,
    pub unique_strings: bool,
    offsets: &'a [u8],
    hash: &'a [u8],
}

impl<'a> Layout<'a> {
    pub fn read(index: &'a [u8]) -> Option<Self> {
        let word = |i: usize| u32_at(index, i * 4);
        (word(0)? == VERSION).then_some(())?;
        let span = |i: usize| {
            let start = word(i)? as usize;
            Some(Span { start, end: start.checked_add(word(i + 1)? as usize)? })
        };
        let count = word(1)?;
        Some(Layout {
            count,
            types: span(2)?,
            strings: span(4)?,
            unique_strings: word(6)? & UNIQUE_STRINGS != 0,
            offsets: slice(index, HEAD, (count as usize).checked_mul(4)?)?,
            hash: index.get(word(7)? as usize..)?,
        })
    }

    /// Where the record of type `id` starts.
    pub fn offset_of(&self, id: u32) -> Option<u32> {
        u32_at(self.offsets, (id as usize).checked_mul(4)?)
    }

    pub fn candidates(&self, class: Class, name: &str) -> impl Iterator<Item = u32> + use<'a> {
        hash::candidates(self.hash, class as u8, name.as_bytes())
    }
}

/// Checks raw BTF and makes its index.
///
/// # Errors
/// `Error::Image` that names the first damaged place.
pub fn build(raw: &[u8]) -> Result<Vec<u8>> {
    let head = head_of(raw).ok_or_else(|| Error::image("BTF: the header is damaged"))?;
    let (types, strings) = (&raw[head.types.clone_range()], &raw[head.strings.clone_range()]);
    let mut offsets = vec![0u32];
    let mut names = Names { strings, hash: hash::Builder::default(), seen: HashSet::new() };
    let mut at = 0;
    while at < types.len() {
        let id = offsets.len() as u32;
        let damaged = || Error::image(format!("BTF: type {id} at offset {at:#x} is damaged"));
        let record = Record::read(types, at).filter(|r| r.kind != Kind::Void).ok_or_else(damaged)?;
        names.add(id, &record).ok_or_else(damaged)?;
        offsets.push(u32::try_from(at).map_err(|_| damaged())?);
        at += record.len();
    }
    let flags = if strings_are_unique(strings) { UNIQUE_STRINGS } else { 0 };
    Ok(assemble(&head, &offsets, flags, names.hash.finish()))
}

fn assemble(head: &Head, offsets: &[u32], flags: u32, hash: Vec<u8>) -> Vec<u8> {
    let span = |s: &Span| [s.start as u32, (s.end - s.start) as u32];
    let ([ts, tl], [ss, sl]) = (span(&head.types), span(&head.strings));
    let hash_at = (HEAD + offsets.len() * 4) as u32;
    let mut out = Vec::with_capacity(hash_at as usize + hash.len());
    for word in [VERSION, offsets.len() as u32, ts, tl, ss, sl, flags, hash_at].iter().chain(offsets) {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&hash);
    out
}

struct Head {
    types: Span,
    strings: Span,
}

fn head_of(raw: &[u8]) -> Option<Head> {
    (u16_at(raw, 0)? == 0xeb9f && *raw.get(2)? == 1).then_some(())?;
    let base = u32_at(raw, 4)? as usize;
    let span = |off: u32, len: u32| {
        let start = base.checked_add(off as usize)?;
        let end = start.checked_add(len as usize)?;
        (end <= raw.len() && u32::try_from(end).is_ok()).then_some(Span { start, end })
    };
    let types = span(u32_at(raw, 8)?, u32_at(raw, 12)?)?;
    let strings = span(u32_at(raw, 16)?, u32_at(raw, 20)?)?;
    // Every string must end inside: the last byte is a NUL.
    (raw.get(strings.clone_range())?.last() == Some(&0)).then_some(Head { types, strings })
}

fn strings_are_unique(strings: &[u8]) -> bool {
    let mut seen = HashSet::new();
    strings.split(|&b| b == 0).filter(|s| !s.is_empty()).all(|s| seen.insert(s))
}

struct Names<'a> {
    strings: &'a [u8],
    hash: hash::Builder,
    /// Member names already added.
    seen: HashSet<u32>,
}

impl Names<'_> {
    fn add(&mut self, id: u32, record: &Record<'_>) -> Option<()> {
        let class = match record.kind {
            Kind::Struct => Some(Class::Struct),
            Kind::Union => Some(Class::Union),
            Kind::Enum | Kind::Enum64 => Some(Class::Enum),
            Kind::Typedef => Some(Class::Typedef),
            Kind::Int | Kind::Float => Some(Class::Base),
            Kind::Func => Some(Class::Func),
            Kind::Var => Some(Class::Var),
            _ => None,
        };
        let name = cstr_at(self.strings, record.name_off as usize)?;
        if let Some(class) = class.filter(|_| !name.is_empty()) {
            self.hash.add(class as u8, name, id);
        }
        for member in record.members() {
            if member.name_off != 0 && self.seen.insert(member.name_off) {
                let name = cstr_at(self.strings, member.name_off as usize)?;
                self.hash.add(Class::MemberName as u8, name, member.name_off);
            }
        }
        for (name_off, _) in record.enumerators() {
            self.hash.add(Class::Enumerator as u8, cstr_at(self.strings, name_off as usize)?, id);
        }
        Some(())
    }
}
