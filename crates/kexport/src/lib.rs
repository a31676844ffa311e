//! The #[kexport] attribute: a Rust function that modules can call
