//! Memory for modules. Counterpart: mm/.

pub mod inline_access;
pub mod maccess;
pub mod percpu;
pub mod slab;
pub mod slab_common;
pub mod uaccess;
