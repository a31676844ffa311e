//! Makes BTF bytes: for tests, and for layouts that come from DWARF instead of the kernel's own BTF.

use super::TypeId;
use std::collections::HashMap;

/// A growing BTF.
#[derive(Debug)]
pub(crate) struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    known: HashMap<String, u32>,
    next: u32,
}

/// A member to be written: offset and width in bits (width 0: not a bit-field).
#[derive(Debug, Clone)]
pub(crate) struct NewMember {
    pub name: String,
    pub ty: TypeId,
    pub bit_offset: u32,
    pub bit_size: u32,
}

pub(crate) const KIND_INT: u32 = 1;
pub(crate) const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
pub(crate) const KIND_STRUCT: u32 = 4;
pub(crate) const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
pub(crate) const KIND_FWD: u32 = 7;
pub(crate) const KIND_TYPEDEF: u32 = 8;
pub(crate) const KIND_VOLATILE: u32 = 9;
pub(crate) const KIND_CONST: u32 = 10;
pub(crate) const KIND_RESTRICT: u32 = 11;
pub(crate) const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
pub(crate) const KIND_FLOAT: u32 = 16;
const KIND_ENUM64: u32 = 19;

/// A member list longer than the 16-bit count of the format is cut.
const MAX_VLEN: usize = 0xffff;

impl Writer {
    pub fn new() -> Self {
        Writer { types: Vec::new(), strings: vec![0], known: HashMap::new(), next: 1 }
    }

    fn string(&mut self, s: &str) -> u32 {
        if s.is_empty() {
            return 0;
        }
        if let Some(&off) = self.known.get(s) {
            return off;
        }
        let off = self.strings.len() as u32;
        self.strings.extend_from_slice(s.as_bytes());
        self.strings.push(0);
        self.known.insert(s.to_owned(), off);
        off
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn start(&mut self, name: &str, kind: u32, kflag: bool, vlen: usize, size_or_type: u32) -> TypeId {
        let name = self.string(name);
        self.words(&[name, u32::from(kflag) << 31 | kind << 24 | vlen as u32, size_or_type]);
        self.next += 1;
        TypeId(self.next - 1)
    }

    /// A type that is only a name and a reference or a size: typedef, pointer, qualifier, function, ...
    pub fn simple(&mut self, kind: u32, name: &str, size_or_type: u32) -> TypeId {
        self.start(name, kind, false, 0, size_or_type)
    }

    pub fn int(&mut self, name: &str, size: u32, signed: bool) -> TypeId {
        let id = self.start(name, KIND_INT, false, 0, size);
        self.words(&[(u32::from(signed) << 24) | (size * 8)]);
        id
    }

    pub fn array(&mut self, element: TypeId, index: TypeId, len: u32) -> TypeId {
        let id = self.start("", KIND_ARRAY, false, 0, 0);
        self.words(&[element.0, index.0, len]);
        id
    }

    /// A struct or union. The kind flag, which leaves only 24 bits to an offset, is set where there are bit-fields.
    pub fn aggregate(&mut self, kind: u32, name: &str, size: u32, members: &[NewMember]) -> TypeId {
        let members = members.get(..MAX_VLEN).unwrap_or(members);
        let kflag = members.iter().any(|m| m.bit_size != 0);
        let id = self.start(name, kind, kflag, members.len(), size);
        for m in members {
            let name = self.string(&m.name);
            let offset = if kflag { (m.bit_size << 24) | (m.bit_offset & 0xff_ffff) } else { m.bit_offset };
            self.words(&[name, m.ty.0, offset]);
        }
        id
    }

    pub fn enumeration(&mut self, name: &str, size: u32, signed: bool, values: &[(String, i64)]) -> TypeId {
        let values = values.get(..MAX_VLEN).unwrap_or(values);
        let kind = if size > 4 { KIND_ENUM64 } else { KIND_ENUM };
        let id = self.start(name, kind, signed, values.len(), size);
        for (name, value) in values {
            let name = self.string(name);
            self.words(&[name, *value as u32]);
            if kind == KIND_ENUM64 {
                self.words(&[(*value >> 32) as u32]);
            }
        }
        id
    }

    pub fn prototype(&mut self, ret: TypeId, params: &[(String, TypeId)], variadic: bool) -> TypeId {
        let id = self.start("", KIND_FUNC_PROTO, false, params.len() + usize::from(variadic), ret.0);
        for (name, ty) in params {
            let name = self.string(name);
            self.words(&[name, ty.0]);
        }
        if variadic {
            self.words(&[0, 0]);
        }
        id
    }

    /// A global variable.
    pub fn variable(&mut self, name: &str, ty: TypeId) -> TypeId {
        let id = self.start(name, KIND_VAR, false, 0, ty.0);
        self.words(&[1]);
        id
    }

    /// The number the next type gets.
    pub fn next_id(&self) -> TypeId {
        TypeId(self.next)
    }

    /// The finished bytes.
    pub fn finish(self) -> Vec<u8> {
        let mut out = vec![0x9f, 0xeb, 1, 0];
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        for word in [24, 0, types, types, strings] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.strings);
        out
    }
}
