//! Time. Counterpart: kernel/time/.

pub mod delay;
pub mod hrtimer;
pub mod jiffies;
pub mod timekeeping;
pub mod timer;
mod wheel;
