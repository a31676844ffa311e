//! The module database: what `/lib/modules/RELEASE` says of the modules in it, and how it is written.
//!
//! | module | what it gives |
//! |---|---|
//! | [`config`] | modprobe.d and the kernel's command line |
//! | [`depmod`] | writing all of it: from module files to indexes |
//! | [`dir`] | a module directory to look things up in: name, alias, symbol, what is built in |
//! | [`plan`] | from a word to what is loaded, in order |
//! | [`index`] | the `.bin` files: tries from keys to values, read without trust and written |
//! | [`glob`] | wildcards of aliases |
//!
//! kmod's counterparts: `libkmod/libkmod-index.c`, `libkmod/libkmod.c`, `tools/depmod.c`. No input makes this crate
//! panic.
//!
//! ```no_run
//! let dir = moddb::dir::ModuleDir::new("/lib/modules/6.1.0");
//! let btrfs = dir.module(b"btrfs")?.expect("no such module");
//! println!("{} after {:?}", btrfs.path.display(), btrfs.dependencies);
//! for found in dir.aliases(b"pci:v00008086d00001237sv00001AF4sd00001100bc06sc00i00")? {
//!     println!("{:?}", found.module);
//! }
//! # Ok::<(), moddb::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod config;
pub mod depmod;
pub mod dir;
mod error;
pub mod glob;
pub mod index;
mod lines;
mod name;
pub mod plan;

pub use error::{Error, ErrorKind, Result, strerror};
pub use name::{alias_name, module_name, module_name_of_path};
