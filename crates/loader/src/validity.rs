//! Is this a sound module file? The kernel's own checks, in its order and with its words.
//! Counterpart: `elf_validity_check` and `setup_load_info` (6.1), `elf_validity_cache_copy` (6.12) of
//! kernel/module/main.c.
//!
//! The kernel looks at less than [`kofile`] does, which reads files for tools too: what it does not look at is given
//! its usual value here, so that the rest of the loader reads the file as the kernel does.

use crate::Series;
use crate::refusal::{LogLine, Refusal};
use kabi::errno::ENOEXEC;
use std::borrow::Cow;

/// Bytes of the ELF header, and of a section header.
const HEADER: usize = 64;
const ROW: usize = 64;
const ET_REL: u16 = 1;
const EM_X86_64: u16 = 62;
const SHT_NULL: u32 = 0;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_NOBITS: u32 = 8;
const SHF_ALLOC: u64 = 2;
/// From this release on all sections are checked before their names, and each important one must be there once.
const REORDERED: Series = (6, 12);
/// What stands for the name of a file that has none.
const NAMELESS: &str = "(missing .modinfo section or name field)";

const MODINFO: &str = ".modinfo";
const THIS_MODULE: &str = ".gnu.linkonce.this_module";

/// A file that passed, as the rest of the loader reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Sound<'a> {
    /// The file, with the usual value wherever the kernel does not look.
    pub bytes: Cow<'a, [u8]>,
    /// What `.modinfo` calls the module, for messages.
    pub name: Option<String>,
}

/// Checks a file whose signature is cut off.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn check(bytes: &[u8]) -> Result<Sound<'_>, Refusal> {
    check_for(bytes, crate::series(), kabi::profile().size_of("module"))
}

/// [`check`] for a kernel that this process need not be.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn check_for(bytes: &[u8], series: Series, struct_module: Option<u64>) -> Result<Sound<'_>, Refusal> {
    let file = File::new(bytes)?;
    let chosen = if series >= REORDERED { newer(&file, struct_module)? } else { older(&file)? };
    Ok(Sound { bytes: file.usual(&chosen), name: chosen.name })
}

/// What the file has once.
struct Chosen {
    modinfo: Option<usize>,
    /// The symbols' names.
    strings: usize,
    name: Option<String>,
}

impl Chosen {
    fn name(name: &Option<String>) -> &str {
        name.as_deref().unwrap_or(NAMELESS)
    }
}

fn refused(text: impl Into<String>) -> Refusal {
    Refusal::logged(ENOEXEC, LogLine::err(text))
}

fn warned(text: impl Into<String>) -> Refusal {
    Refusal::logged(ENOEXEC, LogLine::warn(text))
}

/// The order of 6.1.
fn older(file: &File<'_>) -> Result<Chosen, Refusal> {
    file.names_index()?;
    let names = file.row(file.names);
    if !file.holds(&names) {
        return Err(refused(format!("Invalid ELF section hdr(type {})", names.kind)));
    }
    file.names_end(&names)?;
    file.null_section()?;
    for row in file.rows().skip(1).filter(|row| row.has_contents()) {
        if row.kind == SHT_SYMTAB {
            file.strings_index(row.link)?;
        }
        file.contents(&row)?;
        if row.flags & SHF_ALLOC != 0 {
            file.name_inside(&row, &names)?;
        }
    }
    let modinfo = file.find(MODINFO);
    let name = file.module_name(modinfo);
    let Some(symbols) = file.rows().skip(1).find(|row| row.kind == SHT_SYMTAB) else {
        return Err(warned(format!("{}: module has no symbols (stripped?)", Chosen::name(&name))));
    };
    let strings = symbols.link as usize;
    match file.find(THIS_MODULE) {
        Some(_) => Ok(Chosen { modinfo, strings, name }),
        None => Err(warned(format!("{}: No module found in object", Chosen::name(&name)))),
    }
}

/// The order of 6.12.
fn newer(file: &File<'_>, struct_module: Option<u64>) -> Result<Chosen, Refusal> {
    file.null_section()?;
    for row in file.rows().skip(1).filter(Row::has_contents) {
        file.contents(&row)?;
    }
    file.names_index()?;
    let names = file.row(file.names);
    if names.kind != SHT_STRTAB {
        return Err(refused(format!("Invalid ELF section name table type: {}", names.kind)));
    }
    file.names_end(&names)?;
    for row in file.rows().filter(|row| row.kind != SHT_NULL) {
        file.name_inside(&row, &names)?;
    }
    let mut infos = file.named(MODINFO);
    let modinfo = infos.next();
    if infos.next().is_some() {
        return Err(refused("Only one .modinfo section must exist."));
    }
    let name = file.module_name(modinfo);
    only_struct_module(file, &name, struct_module)?;
    let strings = only_symbols(file, &name)?;
    Ok(Chosen { modinfo, strings, name })
}

/// `elf_validity_cache_index_mod`.
fn only_struct_module(file: &File<'_>, name: &Option<String>, size: Option<u64>) -> Result<(), Refusal> {
    let wrong = |what: &str| Err(refused(format!("module {}: {what}", Chosen::name(name))));
    let mut found = file.named(THIS_MODULE);
    let (Some(index), None) = (found.next(), found.next()) else {
        return wrong("Exactly one .gnu.linkonce.this_module section must exist.");
    };
    let row = file.row(index);
    if row.kind == SHT_NOBITS {
        return wrong(".gnu.linkonce.this_module section must have a size set");
    }
    if row.flags & SHF_ALLOC == 0 {
        return wrong(".gnu.linkonce.this_module must occupy memory during process execution");
    }
    if size.is_some_and(|size| size != row.size) {
        let text = "section size must match the kernel's built struct module size at run time";
        return wrong(&format!(".gnu.linkonce.this_module {text}"));
    }
    Ok(())
}

/// `elf_validity_cache_index_sym` and `elf_validity_cache_index_str`.
fn only_symbols(file: &File<'_>, name: &Option<String>) -> Result<usize, Refusal> {
    let mut tables = file.rows().skip(1).filter(|row| row.kind == SHT_SYMTAB);
    let (Some(table), None) = (tables.next(), tables.next()) else {
        return Err(warned(format!("{}: module has no symbols (stripped?)", Chosen::name(name))));
    };
    file.strings_index(table.link)?;
    let strings = file.row(table.link as usize);
    if strings.kind != SHT_STRTAB {
        return Err(refused(format!("Invalid ELF symbol string table type: {}", strings.kind)));
    }
    Ok(strings.index)
}

/// A section header.
#[derive(Clone, Copy)]
struct Row {
    index: usize,
    name: u32,
    kind: u32,
    flags: u64,
    addr: u64,
    offset: u64,
    size: u64,
    link: u32,
}

impl Row {
    /// Of the others neither place nor size means anything.
    fn has_contents(&self) -> bool {
        !matches!(self.kind, SHT_NULL | SHT_NOBITS)
    }
}

/// A file with a sound ELF header.
struct File<'a> {
    bytes: &'a [u8],
    table: usize,
    count: usize,
    names: usize,
}

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        if bytes.len() < HEADER {
            return Err(refused(format!("Invalid ELF header len {}", bytes.len())));
        }
        if !bytes.starts_with(b"\x7fELF") {
            return Err(refused("Invalid ELF header magic: != \x7fELF"));
        }
        let half = |at| u16_at(bytes, at);
        let (kind, machine, row_size) = (half(16), half(18), half(58));
        if kind != ET_REL {
            return Err(refused(format!("Invalid ELF header type: {kind} != {ET_REL}")));
        }
        if machine != EM_X86_64 {
            let detail = "built for another machine than this kernel's, x86_64: build it for this machine";
            let line = format!("Invalid architecture in ELF header: {machine}");
            return Err(Refusal { detail: Some(detail.into()), ..refused(line) });
        }
        if usize::from(row_size) != ROW {
            return Err(refused("Invalid ELF section header size"));
        }
        let count = usize::from(half(60));
        let table = usize::try_from(u64_at(bytes, 40)).ok().filter(|table| *table < bytes.len());
        let table = table.filter(|table| count * ROW <= bytes.len() - table);
        let table = table.ok_or_else(|| refused("Invalid ELF section header overflow"))?;
        Ok(Self { bytes, table, count, names: half(62).into() })
    }

    /// A header; what lies outside of the file is zero.
    fn row(&self, index: usize) -> Row {
        let at = self.table + index * ROW;
        let (half, whole) = (|offset| u32_at(self.bytes, at + offset), |offset| u64_at(self.bytes, at + offset));
        Row {
            index,
            name: half(0),
            kind: half(4),
            flags: whole(8),
            addr: whole(16),
            offset: whole(24),
            size: whole(32),
            link: half(40),
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.count).map(|index| self.row(index))
    }

    fn data(&self, row: &Row) -> Option<&'a [u8]> {
        let start = usize::try_from(row.offset).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(row.size).ok()?)?)
    }

    fn holds(&self, row: &Row) -> bool {
        row.offset.checked_add(row.size).is_some_and(|end| end <= self.bytes.len() as u64)
    }

    fn names_index(&self) -> Result<(), Refusal> {
        let (index, count) = (self.names, self.count);
        if index != 0 && index < count {
            return Ok(());
        }
        Err(refused(format!("Invalid ELF section name index: {index} || e_shstrndx ({index}) >= e_shnum ({count})")))
    }

    fn names_end(&self, names: &Row) -> Result<(), Refusal> {
        match self.data(names).and_then(|data| data.last()) {
            Some(0) => Ok(()),
            Some(_) => Err(refused("ELF Spec violation: section name table isn't null terminated")),
            None => Err(refused("empty section name table")),
        }
    }

    fn null_section(&self) -> Result<(), Refusal> {
        let null = self.row(0);
        if (null.kind, null.size, null.addr) == (SHT_NULL, 0, 0) {
            return Ok(());
        }
        let kind = null.kind as i32;
        Err(refused(format!("ELF Spec violation: section 0 type({kind})!=SH_NULL or non-zero len or addr")))
    }

    fn contents(&self, row: &Row) -> Result<(), Refusal> {
        match self.holds(row) {
            true => Ok(()),
            false => Err(refused(format!("Invalid ELF section in module (section {} type {})", row.index, row.kind))),
        }
    }

    fn name_inside(&self, row: &Row, names: &Row) -> Result<(), Refusal> {
        if u64::from(row.name) < names.size {
            return Ok(());
        }
        Err(refused(format!("Invalid ELF section name in module (section {} type {})", row.index, row.kind)))
    }

    fn strings_index(&self, link: u32) -> Result<(), Refusal> {
        if link != 0 && (link as usize) < self.count {
            return Ok(());
        }
        let (link, count) = (link as i32, self.count);
        Err(refused(format!("Invalid ELF sh_link!=SHN_UNDEF({link}) or (sh_link({link}) >= hdr->e_shnum({count})")))
    }

    /// The name of a section; empty if it lies outside of the table. DIFFERS: 6.1 reads on behind the table.
    fn name_of(&self, row: &Row) -> &'a [u8] {
        let names = self.data(&self.row(self.names)).unwrap_or_default();
        let rest = names.get(row.name as usize..).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The sections with a name (`find_any_unique_sec`).
    fn named<'s>(&'s self, name: &'static str) -> impl Iterator<Item = usize> + 's {
        self.rows().skip(1).filter(move |row| self.name_of(row) == name.as_bytes()).map(|row| row.index)
    }

    /// The first section with a name that takes memory (`find_sec`).
    fn find(&self, name: &'static str) -> Option<usize> {
        self.named(name).find(|index| self.row(*index).flags & SHF_ALLOC != 0)
    }

    fn module_name(&self, modinfo: Option<usize>) -> Option<String> {
        let data = self.data(&self.row(modinfo?)).unwrap_or_default();
        kofile::Modinfo::new(data).get("name").map(|name| name.to_string())
    }

    /// The file with the usual values where the kernel does not look: class, byte order and version of the header, the
    /// type of the symbols' names, names outside of their table, and sections of which another one counts.
    fn usual(&self, chosen: &Chosen) -> Cow<'a, [u8]> {
        let names = self.row(self.names);
        let nameless = |row: &Row| match self.name_of(row) {
            name if name == MODINFO.as_bytes() => chosen.modinfo != Some(row.index),
            _ => u64::from(row.name) >= names.size,
        };
        let row_at = |index: usize| self.table + index * ROW;
        // The last byte of the table is a NUL: a name that is empty.
        let empty = (names.size.saturating_sub(1) as u32).to_le_bytes();
        let mut changes: Vec<(usize, Vec<u8>)> = vec![(4, vec![2, 1, 1])];
        changes.extend(self.rows().skip(1).filter(nameless).map(|row| (row_at(row.index), empty.to_vec())));
        if self.row(chosen.strings).has_contents() {
            changes.push((row_at(chosen.strings) + 4, SHT_STRTAB.to_le_bytes().to_vec()));
        }
        let mut bytes = Cow::Borrowed(self.bytes);
        for (at, new) in changes {
            if bytes.get(at..at + new.len()).is_some_and(|old| old != new)
                && let Some(place) = bytes.to_mut().get_mut(at..at + new.len())
            {
                place.copy_from_slice(&new);
            }
        }
        bytes
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and `rows` of (name offset, type, flags, contents); the last one holds the names.
    fn file(rows: &[(u32, u32, u64, &[u8])]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(HEADER, 0);
        let mut table = vec![0; ROW];
        for (name, kind, flags, contents) in rows {
            let (offset, size) = (bytes.len() as u64, contents.len() as u64);
            bytes.extend_from_slice(contents);
            let row = [&name.to_le_bytes()[..], &kind.to_le_bytes(), &flags.to_le_bytes(), &[0; 8]].concat();
            let link: u32 = 1;
            let rest = [&offset.to_le_bytes()[..], &size.to_le_bytes(), &link.to_le_bytes(), &[0; 20]].concat();
            table.extend([row, rest].concat());
        }
        let count = (rows.len() + 1) as u16;
        for (at, value) in [(16, 1), (18, 62), (58, 64), (60, count), (62, count - 1)] {
            bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        let start = bytes.len() as u64;
        bytes[40..48].copy_from_slice(&start.to_le_bytes());
        bytes.extend(table);
        bytes
    }

    const NAMES: &[u8] = b"\0.modinfo\0.gnu.linkonce.this_module\0.text\0";

    fn module() -> Vec<u8> {
        file(&[(0, 3, 0, b"\0"), (1, 1, 2, b"name=m\0"), (10, 1, 3, b"this"), (0, 2, 0, b""), (0, 3, 0, NAMES)])
    }

    fn line(bytes: &[u8], series: Series) -> String {
        check_for(bytes, series, Some(4)).map_or_else(|refusal| refusal.log[0].text.clone(), |_| "sound".into())
    }

    #[test]
    fn a_sound_file_is_not_copied() {
        let bytes = module();
        for series in [(6, 1), (6, 12)] {
            let sound = check_for(&bytes, series, Some(4)).unwrap();
            assert!(matches!(sound.bytes, Cow::Borrowed(_)));
            assert_eq!(sound.name.as_deref(), Some("m"));
        }
        assert!(line(&bytes[..63], (6, 1)).ends_with("len 63"));
    }

    #[test]
    fn what_the_kernel_does_not_look_at_is_usual_afterwards() {
        let mut bytes = module();
        bytes[4..7].copy_from_slice(&[1, 2, 7]);
        let sound = check_for(&bytes, (6, 1), None).unwrap();
        assert_eq!(sound.bytes[..], module()[..]);
    }

    #[test]
    fn kernels_order_their_checks_differently() {
        // The names' type, a text without bounds, and no NUL at the end of the names.
        let mut bytes = module();
        let names = bytes.len() - ROW;
        bytes[names + 4] = 1;
        assert_eq!(line(&bytes, (6, 1)), "sound");
        assert_eq!(line(&bytes, (6, 12)), "Invalid ELF section name table type: 1");
        let second = names - 3 * ROW;
        bytes[second + 32..second + 40].copy_from_slice(&u64::MAX.to_le_bytes());
        bytes[names + 32] -= 1;
        assert!(line(&bytes, (6, 1)).contains("isn't null terminated"));
        assert_eq!(line(&bytes, (6, 12)), "Invalid ELF section in module (section 2 type 1)");
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        let bytes = module();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                for series in [(6, 1), (6, 12)] {
                    let _ = check_for(&damaged, series, Some(4));
                    let _ = check_for(&damaged[..at], series, None);
                }
            }
        }
    }
}
