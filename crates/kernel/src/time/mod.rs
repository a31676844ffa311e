//! Time. Counterpart: kernel/time/.

pub mod delay;
pub mod jiffies;
pub mod timekeeping;
