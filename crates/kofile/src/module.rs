//! A module as a whole: the ELF file without its signature, and what it says of itself.

use crate::elf::Elf;
use crate::error::Result;
use crate::exports::{self, Export};
use crate::modinfo::Modinfo;
use crate::signature::{self, Details, Signature};
use crate::this_module::ThisModule;
use crate::versions::Versions;

/// A parsed module.
#[derive(Debug, Clone)]
pub struct Module<'a> {
    elf: Elf<'a>,
    signature: Option<Signature<'a>>,
}

impl<'a> Module<'a> {
    /// Cuts the signature off and reads the headers; `file` is the name that errors carry.
    ///
    /// A signature whose PKCS#7 contents cannot be read does no harm here; one whose trailer is damaged does, as in
    /// the kernel.
    ///
    /// # Errors
    /// Those of [`signature::split`] and [`Elf::parse`].
    pub fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let (contents, signature) = signature::split(bytes).map_err(|error| error.in_file(file))?;
        Ok(Module { elf: Elf::parse(file, contents)?, signature })
    }

    /// A module whose signature is cut off already.
    pub fn of_elf(elf: Elf<'a>) -> Self {
        Module { elf, signature: None }
    }

    /// The ELF file.
    pub fn elf(&self) -> &Elf<'a> {
        &self.elf
    }

    /// The signature at the end of the file.
    pub fn signature(&self) -> Option<&Signature<'a>> {
        self.signature.as_ref()
    }

    /// Who signed the module and how; `None` if nobody did.
    ///
    /// # Errors
    /// Those of [`Signature::details`].
    pub fn signature_details(&self) -> Result<Option<Details<'a>>> {
        let details = self.signature.as_ref().map(Signature::details).transpose();
        details.map_err(|error| error.in_file(self.elf.file()))
    }

    /// The fields of `.modinfo`; none if there is no such section.
    pub fn modinfo(&self) -> Modinfo<'a> {
        Modinfo::of(&self.elf)
    }

    /// The CRCs of the symbols that the module imports.
    ///
    /// # Errors
    /// Those of [`Versions::of`].
    pub fn versions(&self) -> Result<Versions<'a>> {
        Versions::of(&self.elf)
    }

    /// The symbols that the module exports.
    ///
    /// # Errors
    /// Those of [`exports::read`].
    pub fn exports(&self) -> Result<Vec<Export<'a>>> {
        exports::read(&self.elf)
    }

    /// `struct module`, as far as it can be known without the kernel's layout.
    ///
    /// # Errors
    /// Those of [`ThisModule::of`].
    pub fn this_module(&self) -> Result<ThisModule<'a>> {
        ThisModule::of(&self.elf)
    }

    /// The bytes of the build id.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        self.elf.build_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Builder;

    #[test]
    fn module_reads_the_contents_without_the_signature() {
        let plain = Builder::module().build();
        let trailer = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3];
        let bytes = [&plain[..], b"bad", &trailer, signature::MARKER].concat();
        let module = Module::parse("m.ko", &bytes).unwrap();
        assert_eq!(module.elf().bytes(), plain);
        let error = module.signature_details().unwrap_err().to_string();
        assert!(error.starts_with("m.ko: module signature: the PKCS#7 message is damaged"), "{error}");
        assert_eq!(Module::parse("m.ko", &plain).unwrap().signature_details().unwrap(), None);
        let error = Module::parse("m.ko", signature::MARKER).unwrap_err().to_string();
        assert!(error.starts_with("m.ko: offset 0x0: module signature: the trailer is cut short"), "{error}");
    }

    #[test]
    fn module_gives_every_part() {
        let bytes = Builder::module().build();
        let module = Module::parse("m.ko", &bytes).unwrap();
        assert_eq!(module.modinfo().license(), Some("GPL".into()));
        assert_eq!(module.this_module().unwrap().name, "hello");
        assert!(module.versions().unwrap().is_empty() && module.exports().unwrap().is_empty());
        assert_eq!((module.build_id(), module.signature()), (None, None));
    }
}
