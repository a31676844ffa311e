//! `struct module` in `.gnu.linkonce.this_module`, as far as every kernel lays it out alike.
//!
//! Kernel counterpart: `struct module` of `include/linux/module.h`. `state` and `list` take 24 bytes, then comes the
//! name. Where `init` and `exit` are depends on the configuration: the relocations tell.

use crate::bytes::until_nul;
use crate::elf::{Elf, Relocation, Section};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// Where the name is.
pub const NAME_OFFSET: usize = 24;
/// `MODULE_NAME_LEN` on a 64-bit machine.
pub const NAME_SIZE: usize = 56;

/// What `.gnu.linkonce.this_module` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThisModule<'a> {
    /// Index of the section.
    pub section: usize,
    /// Size of `struct module` in the kernel that the module was built for.
    pub size: u64,
    /// The module's name; it may be empty.
    pub name: Name<'a>,
    /// Where `init` is in the structure, if the module has an init function.
    pub init: Option<u64>,
    /// Where `exit` is in the structure, if the module has an exit function.
    pub exit: Option<u64>,
}

impl<'a> ThisModule<'a> {
    /// Reads the section and its relocations.
    ///
    /// # Errors
    /// The section is missing, doubled, or too small for a name; the name does not end; the symbol table is damaged; a
    /// relocation's symbol does not exist.
    pub fn of(elf: &Elf<'a>) -> Result<Self> {
        let section = elf.this_module_section()?;
        let name = name(section).map_err(|kind| elf.error_in(section, Error::new(kind).at(NAME_OFFSET as u64)))?;
        let mut this = ThisModule { section: section.index, size: section.size, name, init: None, exit: None };
        let symbols = elf.symbols()?;
        for table in elf.relocations_of(section.index) {
            for (entry, reloc) in table.iter().enumerate() {
                match table.symbol(entry, &symbols)?.name().as_bytes() {
                    b"init_module" => this.init = Some(inside(section, &reloc).map_err(|k| table.error(entry, k))?),
                    b"cleanup_module" => this.exit = Some(inside(section, &reloc).map_err(|k| table.error(entry, k))?),
                    _ => {}
                }
            }
        }
        Ok(this)
    }
}

fn name<'a>(section: &Section<'a>) -> std::result::Result<Name<'a>, ErrorKind> {
    let data = section.data;
    let field = data.get(NAME_OFFSET..NAME_OFFSET + NAME_SIZE).ok_or(ErrorKind::Truncated {
        what: "the name in struct module",
        needs: NAME_SIZE as u64,
        has: data.len().saturating_sub(NAME_OFFSET) as u64,
    })?;
    match until_nul(field) {
        name if name.len() == NAME_SIZE => {
            Err(ErrorKind::Malformed { what: "the name in struct module does not end with a NUL" })
        }
        name => Ok(Name::new(name)),
    }
}

/// The offset of a relocation, if a pointer there is inside of the section.
fn inside(section: &Section<'_>, reloc: &Relocation) -> std::result::Result<u64, ErrorKind> {
    let end = reloc.offset.checked_add(8);
    match end.is_some_and(|end| end <= section.data.len() as u64) {
        true => Ok(reloc.offset),
        false => Err(ErrorKind::Malformed { what: "the relocation reaches out of struct module" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Builder;

    fn read(builder: &Builder) -> std::result::Result<(String, Option<u64>, Option<u64>, u64), String> {
        let bytes = builder.build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let this = ThisModule::of(&elf).map_err(|error| error.to_string())?;
        Ok((this.name.to_string(), this.init, this.exit, this.size))
    }

    #[test]
    fn this_module_gives_name_init_and_exit() {
        let mut builder = Builder::module();
        assert_eq!(read(&builder), Ok(("hello".to_owned(), Some(0x138), Some(0x350), 0x380)));
        builder.symbols[0].name = "other".to_owned();
        assert_eq!(read(&builder), Ok(("hello".to_owned(), None, Some(0x350), 0x380)));
    }

    #[test]
    fn this_module_needs_a_name() {
        let mut builder = Builder::module();
        builder.named(".gnu.linkonce.this_module").data[24..80].fill(b'x');
        assert!(read(&builder).unwrap_err().contains("offset 0x18: the name in struct module does not end"));
        builder.named(".gnu.linkonce.this_module").data[24] = 0;
        assert_eq!(read(&builder).unwrap().0, "");
        builder.named(".gnu.linkonce.this_module").data.truncate(79);
        assert!(read(&builder).unwrap_err().contains("needs 56 bytes, but 55"));
    }

    #[test]
    fn this_module_checks_its_relocations() {
        let mut builder = Builder::module();
        builder.named(".gnu.linkonce.this_module").data.truncate(0x350);
        let text = read(&builder).unwrap_err();
        assert!(text.contains("entry 1 at offset 0x18: the relocation reaches out of struct module"), "{text}");
        builder.symbols.truncate(1);
        assert!(read(&builder).unwrap_err().contains("symbol 2 is outside of the symbol table with 2"));
    }
}
