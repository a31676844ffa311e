//! What the kernel keeps in `lib/`: helpers without state of their own.

pub mod bitmap;
pub mod crc;
pub mod dynamic_debug;
pub mod fortify;
pub mod hash;
pub mod hexdump;
pub mod kstrtox;
pub mod list;
pub mod lz4;
pub mod math;
pub mod sort;
pub mod sprintf;
pub mod string;
pub mod uuid;
pub mod vsprintf;
