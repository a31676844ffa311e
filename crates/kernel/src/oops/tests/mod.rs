//! Reports against what real kernels printed, and unwind tables of real modules.

mod call;
mod recorded;
mod tables;
mod warning;
