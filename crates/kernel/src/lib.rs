//! lkm's user-space kernel

#![deny(unsafe_code)]

pub mod klib;
