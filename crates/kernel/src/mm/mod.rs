//! Memory for modules. Counterpart: mm/.

pub mod slab;
