//! Reads Linux kernel modules (`.ko` files) without copying and without trust.
//!
//! | layer | what it gives | files |
//! |---|---|---|
//! | container | a file from a path or from bytes, unpacked if it is gzip, xz or zstd | `image.rs`, `compress.rs` |
//! | signature | the trailer that `scripts/sign-file` appends | `signature/` |
//! | ELF | sections, symbols, relocations, notes; one file per concept | `elf/` |
//! | module | `.modinfo`, parameters, versions, exports, `struct module` | `modinfo.rs`, `param.rs`, `versions.rs`, `exports.rs`, `this_module.rs`, `module.rs` |
//!
//! [`Elf::parse`] validates all headers once (the kernel's `elf_validity_check`, `kernel/module/main.c`); what comes
//! after it only checks bounds. No input makes this crate panic. Every [`Error`] names the file, the section and the
//! offset, and knows the errno with which the kernel refuses the same file.
//!
//! ```no_run
//! let image = kofile::Image::open("/lib/modules/6.1.0/kernel/fs/btrfs/btrfs.ko.xz")?;
//! let module = image.module()?;
//! println!("{:?} for {:?}", module.modinfo().license(), module.modinfo().vermagic());
//! let symbols = module.elf().symbols()?;
//! for table in module.elf().relocation_tables() {
//!     for reloc in table.iter() {
//!         println!("{:#x}: {:?}", reloc.offset, symbols.get(reloc.symbol).map(|s| s.name().to_string()));
//!     }
//! }
//! # Ok::<(), kofile::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bytes;
pub mod compress;
pub mod elf;
mod error;
pub mod exports;
mod image;
pub mod modinfo;
mod module;
mod name;
mod param;
pub mod signature;
#[cfg(test)]
pub(crate) mod testing;
pub mod this_module;
pub mod versions;

pub use compress::Format;
pub use elf::{
    Elf, Machine, Relocation, RelocationTable, Section, Symbol, SymbolBinding, SymbolKind, SymbolSection, Symbols,
};
pub use error::{Error, ErrorKind, Result};
pub use exports::Export;
pub use image::{DEFAULT_LIMIT, Image};
pub use modinfo::Modinfo;
pub use module::Module;
pub use name::Name;
pub use param::Param;
pub use signature::Signature;
pub use this_module::ThisModule;
pub use versions::{Version, Versions};
