//! What the kernel keeps in `lib/`: helpers without state of their own.

pub mod vsprintf;
