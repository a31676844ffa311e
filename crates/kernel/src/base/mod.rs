//! Devices. Counterpart: drivers/base/.

pub mod core;
pub mod uevent;
