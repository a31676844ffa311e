//! Time. Counterpart: kernel/time/.

pub mod delay;
pub mod jiffies;
