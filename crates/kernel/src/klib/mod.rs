//! What the kernel keeps in `lib/`: helpers without state of their own.

pub mod kstrtox;
pub mod list;
pub mod sprintf;
pub mod string;
pub mod vsprintf;
