//! A module as a whole: the ELF file without its signature, and what it says of itself.

use crate::elf::Elf;
use crate::error::Result;
use crate::exports::{self, Export};
use crate::modinfo::Modinfo;
use crate::signature::{self, Signature};
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

    /// The ELF file.
    pub fn elf(&self) -> &Elf<'a> {
        &self.elf
    }

    /// The signature at the end of the file.
    pub fn signature(&self) -> Option<&Signature<'a>> {
        self.signature.as_ref()
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
