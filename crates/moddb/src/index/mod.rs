//! The `.bin` files: tries from keys to values, in the format of kmod's `libkmod/libkmod-index.c` (version 2.1).
//!
//! All numbers are big-endian. The file begins with the magic, the version and the place of the root. The place of a
//! node is 28 bits of offset, and flags that say which parts it has, in this order:
//!
//! | flag | part |
//! |---|---|
//! | `0x8000_0000` | what all keys below have in common after the byte that leads here, ended by a NUL |
//! | `0x2000_0000` | the first and the last byte that lead to children, and a place for each byte between (0: no child) |
//! | `0x4000_0000` | a count, and so many values: a priority (smaller is better) and a string ended by a NUL |
//!
//! Values are sorted by their priority. In `modules.alias.bin` the keys are patterns, and [`Index::search_wild`] finds
//! those that match a text. Nothing is believed: what lies outside of the file, or leads nowhere, is an error.

mod read;
mod search;
mod source;
mod write;

pub use read::{Index, Node, Value, Values};
pub use search::Found;
pub use write::Builder;

/// "BOOTFAST", as far as hexadecimal digits spell it.
const MAGIC: u32 = 0xB007_F457;
/// Major version 2 in the upper half, minor version 1.
const VERSION: u32 = 0x0002_0001;
/// Bytes before the first node.
const HEAD: usize = 12;

const PREFIX: u32 = 0x8000_0000;
const VALUES: u32 = 0x4000_0000;
const CHILDREN: u32 = 0x2000_0000;
const OFFSET: u32 = 0x0FFF_FFFF;
