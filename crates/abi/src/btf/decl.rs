//! Types as C text.

use super::{Btf, Kind, TypeId};
use std::cell::Cell;

/// Deeper nesting is shortened to "...".
const MAX_NESTING: usize = 24;
/// Longer text is damage, or nobody reads it.
const MAX_TEXT: usize = 256 << 10;
/// Steps of one request: a damaged prototype can mention itself many times.
const BUDGET: u32 = 200_000;

impl<'a> Btf<'a> {
    /// A declaration of `name` with a type, as C text without a semicolon: `struct page *pages[16]`.
    /// With an empty name it is the type's own text: "const char *".
    pub fn declare(&self, id: TypeId, name: &str) -> String {
        Printer::new(*self).declarator(id, name.to_owned(), 0)
    }

    /// A type's name as C text.
    pub fn type_name(&self, id: TypeId) -> String {
        self.declare(id, "")
    }

    /// A function's declaration as C text: "void *kmemdup(const void *src, size_t len, gfp_t gfp)".
    pub fn declare_function(&self, name: &str) -> Option<String> {
        let func = self.functions(name).next()?;
        Some(self.declare(self.record(func)?.target(), name))
    }

    /// A struct's, union's, enum's or typedef's definition as C text, with offsets in comments.
    pub fn define(&self, id: TypeId) -> Option<String> {
        let record = self.record(id)?;
        match record.kind {
            Kind::Struct | Kind::Union => {
                let mut out = String::new();
                Printer::new(*self).body(id, "", 0, 0, &mut out)?;
                Some(format!("{out}; /* size {} */", record.size_or_type))
            }
            Kind::Enum | Kind::Enum64 => {
                let list: Vec<String> =
                    self.enumerators(id).iter().map(|(name, value)| format!("\t{name} = {value},\n")).collect();
                Some(format!("{} {{\n{}}};", self.type_name(id).trim_end(), list.concat()))
            }
            Kind::Typedef => Some(format!("typedef {};", self.declare(record.target(), self.name(id)?))),
            _ => Some(self.type_name(id)),
        }
    }
}

/// Writes one declaration or definition.
struct Printer<'a> {
    btf: Btf<'a>,
    budget: Cell<u32>,
}

impl<'a> Printer<'a> {
    fn new(btf: Btf<'a>) -> Self {
        Printer { btf, budget: Cell::new(BUDGET) }
    }

    /// Takes a step; false when there have been too many.
    fn step(&self) -> bool {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(1));
        left > 0
    }

    /// Writes "struct name { members }" with the members' offsets from the outermost struct.
    fn body(&self, id: TypeId, indent: &str, base_bits: u64, depth: usize, out: &mut String) -> Option<()> {
        out.push_str(self.base_name(id).trim_end());
        if depth > MAX_NESTING || out.len() > MAX_TEXT || !self.step() {
            out.push_str(" { ... }");
            return Some(());
        }
        out.push_str(" {\n");
        for (name, member) in self.btf.members(id) {
            let bits = base_bits.checked_add(member.bit_offset)?;
            out.push_str(&format!("{indent}\t"));
            let inner = self.btf.resolve(member.type_id)?;
            let is_aggregate = matches!(self.btf.kind(inner)?, Kind::Struct | Kind::Union);
            if is_aggregate && self.btf.kind(member.type_id) != Some(Kind::Typedef) && self.btf.name(inner) == Some("")
            {
                self.body(inner, &format!("{indent}\t"), bits, depth + 1, out)?;
                if !name.is_empty() {
                    out.push_str(&format!(" {name}"));
                }
            } else {
                out.push_str(&self.declarator(member.type_id, name.to_owned(), 0));
            }
            let width = if member.bit_size == 0 { String::new() } else { format!(" : {}", member.bit_size) };
            out.push_str(&format!("{width}; /* {} +{} */\n", bits / 8, member.size));
        }
        out.push_str(&format!("{indent}}}"));
        Some(())
    }

    /// C's declarators grow outwards from the name: pointers before it, arrays and parameters after.
    fn declarator(&self, id: TypeId, inner: String, depth: usize) -> String {
        let Some(record) = self.btf.record(id) else { return format!("? {inner}") };
        if depth > MAX_NESTING || inner.len() > MAX_TEXT || !self.step() {
            return format!("... {inner}");
        }
        let next = |inner: String| self.declarator(record.target(), inner, depth + 1);
        match record.kind {
            Kind::Ptr => {
                let target = self.skip_tags(record.target());
                let wraps = matches!(self.btf.kind(target), Some(Kind::Array | Kind::FuncProto));
                next(if wraps { format!("(*{inner})") } else { format!("*{inner}") })
            }
            Kind::Array => match record.array() {
                Some((element, len)) => self.declarator(element, format!("{inner}[{len}]"), depth + 1),
                None => format!("? {inner}"),
            },
            Kind::FuncProto => next(format!("{inner}({})", self.parameter_list(id, depth))),
            Kind::Const | Kind::Volatile | Kind::Restrict => self.qualified(record.kind, record.target(), inner, depth),
            Kind::TypeTag => next(inner),
            _ => join(&self.base_name(id), &inner),
        }
    }

    fn skip_tags(&self, mut id: TypeId) -> TypeId {
        for _ in 0..MAX_NESTING {
            match self.btf.record(id) {
                Some(r) if r.kind == Kind::TypeTag => id = r.target(),
                _ => break,
            }
        }
        id
    }

    fn qualified(&self, kind: Kind, target: TypeId, inner: String, depth: usize) -> String {
        let word = match kind {
            Kind::Const => "const",
            Kind::Volatile => "volatile",
            _ => "restrict",
        };
        // A qualified pointer has the word right of the star; anything else left of the type.
        if self.btf.kind(self.skip_tags(target)) == Some(Kind::Ptr) {
            return self.declarator(target, join(word, &inner), depth + 1);
        }
        format!("{word} {}", self.declarator(target, inner, depth + 1))
    }

    fn parameter_list(&self, proto: TypeId, depth: usize) -> String {
        let Some(record) = self.btf.record(proto) else { return "?".to_owned() };
        let params: Vec<String> = record
            .params()
            .map(|(name, ty)| match (name, ty) {
                (0, TypeId::VOID) => "...".to_owned(),
                _ => self.declarator(ty, self.btf.string(name).unwrap_or("?").to_owned(), depth + 1),
            })
            .collect();
        if params.is_empty() { "void".to_owned() } else { params.join(", ") }
    }

    /// The name that stands left in a declaration.
    fn base_name(&self, id: TypeId) -> String {
        let name = self.btf.name(id).unwrap_or("?");
        let Some(record) = self.btf.record(id) else { return "?".to_owned() };
        let tag = match record.kind {
            Kind::Void => return "void".to_owned(),
            Kind::Struct => "struct",
            Kind::Union => "union",
            Kind::Enum | Kind::Enum64 => "enum",
            Kind::Fwd if record.kflag => "union",
            Kind::Fwd => "struct",
            _ => return name.to_owned(),
        };
        if name.is_empty() { tag.to_owned() } else { format!("{tag} {name}") }
    }
}

/// "base inner" with exactly one space between, none when one is empty.
fn join(base: &str, inner: &str) -> String {
    match inner {
        "" => base.to_owned(),
        _ if inner.starts_with(['[', '(']) && !inner.starts_with("(*") => format!("{base}{inner}"),
        _ => format!("{base} {inner}"),
    }
}
