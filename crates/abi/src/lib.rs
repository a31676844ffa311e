//! Kernel ABI profiles: what lkm knows of one kernel build.
//!
//! A [`Profile`] answers for one kernel: the sizes of its structs and the offsets of their members, what it exports to modules
//! and with which CRCs, the prototypes of its functions, its symbols, and the bytes of its image.
//! It is made once from the kernel's image (or from its headers) and kept in the user's cache; opening it
//! maps that file and parses nothing.
//!
//! ```no_run
//! # fn main() -> abi::Result<()> {
//! let profile = abi::Profile::for_vermagic("6.1.0-56-amd64 SMP preempt mod_unload modversions ", &Default::default())?;
//! let name = profile.offset_of("module", "name");
//! let printk = profile.export("_printk").and_then(|e| e.crc);
//! # Ok(()) }
//! ```
//!
//! The way of an import by file: `find` (which image), `unpack` (bzImage to ELF), `elf`, `exports` (__ksymtab),
//! `kallsyms` (symbols), `btf/index` (types), `tables` and `cache/format` (the file), `cache/dir` (where it is kept);
//! of a question: `profile`, `btf`. Without an image: `headers` (BTF that is there, or `headers/probe` and `headers/dwarf`).
//!
//! Assumes x86-64 images; sizes of pointers are 8.

#![deny(unsafe_code)]

mod bytes;
mod cache;
mod elf;
mod error;
mod exports;
mod find;
mod hash;
mod headers;
mod import;
mod kallsyms;
mod profile;
mod relocs;
mod symvers;
mod tables;
mod unpack;

pub mod btf;

pub use btf::{Btf, Member, Param, Prototype, TypeId, Value, ValueClass};
pub use elf::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, Section, Segment};
pub use error::{Error, Result};
pub use exports::ExportKind;
pub use find::{Available, Options, ProgressFn, compare_releases, list, newest};
pub use import::Progress;
pub use profile::{Profile, Symbol};
pub use relocs::{RelocKind, Relocations};
pub use tables::Export;
