//! Devices. Counterpart: drivers/base/.

pub mod core;
pub mod devres;
pub mod uevent;
