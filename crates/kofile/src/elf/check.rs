//! What the kernel wants of a module beyond a sound ELF file.
//!
//! Kernel counterpart: the second half of `elf_validity_check` and `setup_load_info` of `kernel/module/main.c`.

use super::{Elf, Section, kind};
use crate::error::{Error, ErrorKind, Result};

/// The section with `struct module`.
pub(crate) const THIS_MODULE: &str = ".gnu.linkonce.this_module";

impl<'a> Elf<'a> {
    /// Checks that the file can be a module: one symbol table, at most one `.modinfo`, one
    /// `.gnu.linkonce.this_module` that has bytes and takes memory.
    ///
    /// Kernels before 6.3 take the first of several `.gnu.linkonce.this_module`: the loader knows which kernel it loads
    /// for, and checks for itself (`loader::validity`). The size of `struct module` depends on the kernel too.
    ///
    /// # Errors
    /// Which of these does not hold.
    pub fn check_module(&self) -> Result<()> {
        let tables = self.sections().iter().filter(|section| section.kind == kind::SYMTAB).count();
        if tables != 1 {
            let cure = "the file is stripped of its symbols: strip modules with --strip-debug only";
            return Err(self.error(ErrorKind::SectionCount { name: ".symtab", count: tables, cure }));
        }
        let infos = self.count_named(".modinfo");
        if infos > 1 {
            let cure = "link the module with the kernel's scripts/module.lds";
            return Err(self.error(ErrorKind::SectionCount { name: ".modinfo", count: infos, cure }));
        }
        match self.count_named(THIS_MODULE) {
            2.. => Err(self.struct_module_count()),
            _ => self.this_module_section().map(drop),
        }
    }

    /// There is not one `.gnu.linkonce.this_module`.
    fn struct_module_count(&self) -> Error {
        let cure = "build the module with kbuild (modpost makes it), and load the .ko, not a .o";
        self.error(ErrorKind::SectionCount { name: THIS_MODULE, count: self.count_named(THIS_MODULE), cure })
    }

    /// The section `.gnu.linkonce.this_module`: the first that takes memory.
    ///
    /// # Errors
    /// The section is missing, or it is no initialised memory.
    pub fn this_module_section(&self) -> Result<&Section<'a>> {
        let section = self.alloc_section_by_name(THIS_MODULE).or_else(|| self.section_by_name(THIS_MODULE));
        let section = section.ok_or_else(|| self.struct_module_count())?;
        let what = match section {
            section if section.is_nobits() => "the section must not be of type NOBITS",
            section if !section.is_alloc() => "the section must have the flag SHF_ALLOC",
            _ => return Ok(section),
        };
        Err(self.error_in(section, Error::new(ErrorKind::Malformed { what })))
    }

    /// How many sections have a name.
    fn count_named(&self, name: &str) -> usize {
        self.sections().iter().filter(|section| section.kind != kind::NULL && section.name == name).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Sec};

    fn check(builder: &Builder) -> String {
        let bytes = builder.build();
        Elf::parse("m.ko", &bytes).unwrap().check_module().map_or_else(|e| e.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn check_module_wants_each_section_once() {
        assert_eq!(check(&Builder::module()), "good");
        assert!(check(&Builder::new()).starts_with("m.ko: the file has no section .symtab"));
        let mut builder = Builder::module();
        builder.add(Sec::new(".modinfo", b"a=b\0"));
        assert!(check(&builder).contains("2 sections .modinfo"));
        let mut builder = Builder::module();
        builder.add(Sec { flags: 2, ..Sec::new(THIS_MODULE, b"") });
        assert!(check(&builder).contains("2 sections .gnu.linkonce.this_module"));
    }

    #[test]
    fn this_module_is_initialised_memory() {
        let mut builder = Builder::module();
        builder.named(THIS_MODULE).flags = 0;
        assert!(check(&builder).contains("SHF_ALLOC"));
        builder.named(THIS_MODULE).kind = kind::NOBITS;
        assert!(check(&builder).contains("NOBITS"));
        builder.named(THIS_MODULE).name = ".data".to_owned();
        assert!(check(&builder).contains("no section .gnu.linkonce.this_module"));
    }
}
