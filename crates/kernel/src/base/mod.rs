//! Devices. Counterpart: drivers/base/.

pub mod core;
