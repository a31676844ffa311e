//! DWARF of the compiled probe -> BTF, so that everything else knows one format.
//!
//! One compilation unit, unlinked: its debug sections are relocated here first. Each type becomes one BTF
//! type (an array one for each dimension); a probe variable `lkm_probe_NAME`, a pointer to what NAME is,
//! becomes the function NAME; other global variables stay variables.

use crate::btf::TypeId;
use crate::btf::write::{self, NewMember, Writer};
use crate::bytes::{slice, u32_at, u64_at};
use crate::elf::Elf;
use crate::error::{Error, Result};
use gimli::{AttributeValue, DwTag, EndianSlice, LittleEndian, constants as dw};
use std::collections::HashMap;

/// What the names of the probe's variables start with.
pub(crate) const PREFIX: &str = "lkm_probe_";

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// The types in an object file's DWARF, as raw BTF.
pub(crate) fn to_btf(object: &[u8]) -> Result<Vec<u8>> {
    let elf = Elf::parse(object)?;
    let bad = |e: gimli::Error| Error::image(format!("DWARF is damaged: {e}"));
    let load = |id: gimli::SectionId| Ok::<_, gimli::Error>(relocated(&elf, id.name()));
    let sections = gimli::DwarfSections::load(load).map_err(bad)?;
    let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian));
    let header = dwarf.units().next().map_err(bad)?.ok_or_else(|| Error::image("no DWARF in the compiled probe"))?;
    let unit = dwarf.unit(header).map_err(bad)?;
    let dies = collect(&dwarf, &unit).map_err(bad)?;
    Ok(Converter::new(&dies).run())
}

/// A section with its relocations applied (x86-64: the sum of the symbol's value and the addend is stored).
fn relocated(elf: &Elf<'_>, name: &str) -> Vec<u8> {
    let bytes = |name: &str| elf.section(name).and_then(|s| elf.bytes_of(s)).unwrap_or(&[]);
    let mut out = bytes(name).to_vec();
    let symbols = bytes(".symtab");
    for rela in bytes(&format!(".rela{name}")).chunks_exact(24) {
        // Whatever is damaged stays unrelocated.
        let _ = relocate(&mut out, rela, symbols);
    }
    out
}

fn relocate(out: &mut [u8], rela: &[u8], symbols: &[u8]) -> Option<()> {
    const R_X86_64_64: u32 = 1;
    const R_X86_64_32: u32 = 10;
    let (kind, symbol) = (u32_at(rela, 8)?, u32_at(rela, 12)? as usize);
    let value = u64_at(slice(symbols, symbol.checked_mul(24)?, 24)?, 8)?.wrapping_add(u64_at(rela, 16)?).to_le_bytes();
    let width = match kind {
        R_X86_64_64 => 8,
        R_X86_64_32 => 4,
        _ => return None,
    };
    let at = usize::try_from(u64_at(rela, 0)?).ok()?;
    out.get_mut(at..at.checked_add(width)?)?.copy_from_slice(value.get(..width)?);
    Some(())
}

/// What matters of a debugging entry.
struct Die {
    offset: usize,
    tag: DwTag,
    depth: isize,
    name: String,
    size: Option<u64>,
    ty: Option<usize>,
    encoding: Option<dw::DwAte>,
    is_declaration: bool,
    is_ellipsis: bool,
    /// Bit offset of a member.
    bit_offset: u64,
    bit_size: u64,
    /// The length a subrange gives; `None` for a flexible array.
    count: Option<u64>,
    value: i64,
    children: Vec<usize>,
}

fn collect(dwarf: &gimli::Dwarf<Reader<'_>>, unit: &gimli::Unit<Reader<'_>>) -> gimli::Result<Vec<Die>> {
    let mut dies: Vec<Die> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        let die = read_die(dwarf, unit, entry);
        let this = dies.len();
        while open.last().is_some_and(|&i| dies.get(i).is_none_or(|d| d.depth >= die.depth)) {
            open.pop();
        }
        if let Some(parent) = open.last().and_then(|&i| dies.get_mut(i)) {
            parent.children.push(this);
        }
        open.push(this);
        dies.push(die);
    }
    Ok(dies)
}

fn read_die(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    entry: &gimli::DebuggingInformationEntry<Reader<'_>>,
) -> Die {
    let number = |at| entry.attr(at).and_then(|a| a.udata_value());
    let name = entry.attr_value(dw::DW_AT_name).and_then(|v| dwarf.attr_string(unit, v).ok());
    let upper = number(dw::DW_AT_upper_bound).and_then(|n| n.checked_add(1));
    let bits = number(dw::DW_AT_data_bit_offset)
        .or_else(|| number(dw::DW_AT_data_member_location).and_then(|bytes| bytes.checked_mul(8)));
    Die {
        offset: entry.offset().0,
        tag: entry.tag(),
        depth: entry.depth(),
        name: name.map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        size: number(dw::DW_AT_byte_size),
        ty: match entry.attr_value(dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(offset)) => Some(offset.0),
            _ => None,
        },
        encoding: match entry.attr_value(dw::DW_AT_encoding) {
            Some(AttributeValue::Encoding(encoding)) => Some(encoding),
            _ => None,
        },
        is_declaration: matches!(entry.attr_value(dw::DW_AT_declaration), Some(AttributeValue::Flag(true))),
        is_ellipsis: entry.tag() == dw::DW_TAG_unspecified_parameters,
        bit_offset: bits.unwrap_or(0),
        bit_size: number(dw::DW_AT_bit_size).unwrap_or(0),
        count: number(dw::DW_AT_count).or(upper),
        value: match entry.attr_value(dw::DW_AT_const_value) {
            Some(AttributeValue::Sdata(value)) => value,
            Some(other) => other.udata_value().unwrap_or(0) as i64,
            None => 0,
        },
        children: Vec::new(),
    }
}

struct Converter<'d> {
    dies: &'d [Die],
    by_offset: HashMap<usize, usize>,
    /// The first BTF type of each entry that has one.
    ids: HashMap<usize, TypeId>,
    out: Writer,
}

impl<'d> Converter<'d> {
    fn new(dies: &'d [Die]) -> Self {
        let by_offset = dies.iter().enumerate().map(|(i, d)| (d.offset, i)).collect();
        Converter { dies, by_offset, ids: HashMap::new(), out: Writer::new() }
    }

    fn run(mut self) -> Vec<u8> {
        // Type 1 is the type of array indexes, as in the kernel's own BTF.
        self.out.int("__ARRAY_SIZE_TYPE__", 4, false);
        let mut next = self.out.next_id().0;
        for die in self.dies {
            let count = self.type_count(die);
            if count > 0 {
                self.ids.insert(die.offset, TypeId(next));
                next = next.saturating_add(count);
            }
        }
        let dies = self.dies;
        for die in dies {
            if self.type_count(die) > 0 {
                self.write(die);
            }
        }
        self.out.finish()
    }

    fn children(&self, die: &Die) -> impl Iterator<Item = &'d Die> + use<'d> {
        let dies = self.dies;
        die.children.clone().into_iter().filter_map(move |i| dies.get(i))
    }

    /// How many BTF types an entry becomes.
    fn type_count(&self, die: &Die) -> u32 {
        match die.tag {
            dw::DW_TAG_base_type
            | dw::DW_TAG_pointer_type
            | dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_typedef
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_subroutine_type => 1,
            dw::DW_TAG_array_type => self.dimensions(die).len().max(1) as u32,
            dw::DW_TAG_variable if die.depth == 1 && !die.name.is_empty() => 1,
            _ => 0,
        }
    }

    fn dimensions(&self, die: &Die) -> Vec<u64> {
        self.children(die).filter(|c| c.tag == dw::DW_TAG_subrange_type).map(|c| c.count.unwrap_or(0)).collect()
    }

    /// The BTF type an entry refers to; entries without one of their own (atomic and kin) stand for their target.
    fn target(&self, mut ty: Option<usize>) -> TypeId {
        for _ in 0..8 {
            let Some(offset) = ty else { return TypeId::VOID };
            if let Some(&id) = self.ids.get(&offset) {
                return id;
            }
            ty = self.by_offset.get(&offset).and_then(|&i| self.dies.get(i)).and_then(|d| d.ty);
        }
        TypeId::VOID
    }

    fn write(&mut self, die: &Die) {
        let target = self.target(die.ty);
        let size = die.size.and_then(|s| u32::try_from(s).ok()).unwrap_or(0);
        match die.tag {
            dw::DW_TAG_base_type => self.base(die, size),
            dw::DW_TAG_pointer_type => self.out.simple(write::KIND_PTR, "", target.0),
            dw::DW_TAG_const_type => self.out.simple(write::KIND_CONST, "", target.0),
            dw::DW_TAG_volatile_type => self.out.simple(write::KIND_VOLATILE, "", target.0),
            dw::DW_TAG_restrict_type => self.out.simple(write::KIND_RESTRICT, "", target.0),
            dw::DW_TAG_typedef => self.out.simple(write::KIND_TYPEDEF, &die.name, target.0),
            // A name that is only declared; the size field's place holds 0.
            dw::DW_TAG_structure_type | dw::DW_TAG_union_type if die.is_declaration => {
                self.out.simple(write::KIND_FWD, &die.name, 0)
            }
            dw::DW_TAG_structure_type => self.aggregate(die, write::KIND_STRUCT, size),
            dw::DW_TAG_union_type => self.aggregate(die, write::KIND_UNION, size),
            dw::DW_TAG_enumeration_type => {
                let values: Vec<_> = self.children(die).map(|c| (c.name.clone(), c.value)).collect();
                let signed = values.iter().any(|v| v.1 < 0);
                self.out.enumeration(&die.name, size, signed, &values)
            }
            dw::DW_TAG_subroutine_type => self.prototype(die, target),
            dw::DW_TAG_array_type => self.array(die, target),
            _ => self.variable(die, target),
        };
    }

    fn base(&mut self, die: &Die, size: u32) -> TypeId {
        match die.encoding {
            Some(dw::DW_ATE_float | dw::DW_ATE_complex_float) => self.out.simple(write::KIND_FLOAT, &die.name, size),
            Some(dw::DW_ATE_signed | dw::DW_ATE_signed_char) => self.out.int(&die.name, size, true),
            _ => self.out.int(&die.name, size, false),
        }
    }

    fn aggregate(&mut self, die: &Die, kind: u32, size: u32) -> TypeId {
        let members: Vec<_> = self
            .children(die)
            .filter(|c| c.tag == dw::DW_TAG_member)
            .map(|c| NewMember {
                name: c.name.clone(),
                ty: self.target(c.ty),
                bit_offset: u32::try_from(c.bit_offset).unwrap_or(u32::MAX),
                bit_size: (c.bit_size & 0xff) as u32,
            })
            .collect();
        self.out.aggregate(kind, &die.name, size, &members)
    }

    fn prototype(&mut self, die: &Die, ret: TypeId) -> TypeId {
        let parameters = self.children(die).filter(|c| c.tag == dw::DW_TAG_formal_parameter);
        let parameters: Vec<_> = parameters.map(|c| (c.name.clone(), self.target(c.ty))).collect();
        let variadic = self.children(die).any(|c| c.is_ellipsis);
        self.out.prototype(ret, &parameters, variadic)
    }

    /// One BTF type a dimension, the outermost first: each has the next as its element.
    fn array(&mut self, die: &Die, element: TypeId) -> TypeId {
        let mut dimensions = self.dimensions(die);
        if dimensions.is_empty() {
            dimensions.push(0);
        }
        let first = self.out.next_id();
        for (i, &len) in dimensions.iter().enumerate() {
            let inner = if i + 1 == dimensions.len() { element } else { TypeId(self.out.next_id().0 + 1) };
            self.out.array(inner, TypeId(1), u32::try_from(len).unwrap_or(u32::MAX));
        }
        first
    }

    fn variable(&mut self, die: &Die, target: TypeId) -> TypeId {
        let name = die.name.strip_prefix(PREFIX);
        match (name, self.function_behind(die.ty)) {
            (Some(name), Some(proto)) => self.out.simple(write::KIND_FUNC, name, proto.0),
            _ => self.out.variable(&die.name, target),
        }
    }

    /// The function type a pointer type points to.
    fn function_behind(&self, ty: Option<usize>) -> Option<TypeId> {
        let die = |offset: usize| self.by_offset.get(&offset).and_then(|&i| self.dies.get(i));
        let pointer = die(ty?).filter(|d| d.tag == dw::DW_TAG_pointer_type)?;
        let function = die(pointer.ty?).filter(|d| d.tag == dw::DW_TAG_subroutine_type)?;
        self.ids.get(&function.offset).copied()
    }
}
