//! The C boundary between module code and lkm's Rust code
