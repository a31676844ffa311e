//! Devices. Counterpart: drivers/base/.

pub mod core;
pub mod devres;
pub mod devres_nodes;
pub mod driver;
pub mod swnode;
pub mod uevent;
