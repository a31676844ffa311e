//! Waiting for a time. Counterpart: kernel/time/timer.c, arch/x86/lib/delay.c.

use super::jiffies::{self, TICK_MS};
use crate::sched;
use kabi::{c_uint, c_ulong, exports, kexport};
use std::time::{Duration, Instant};

exports![msleep, msleep_interruptible, usleep_range_state, __udelay, __ndelay, __const_udelay, __delay];

/// Waits without giving the CPU up, as exactly as the host allows.
fn busy(time: Duration) {
    let until = Instant::now() + time;
    // The host's clock is good to some ten microseconds; the rest is turned.
    if let Some(most) = time.checked_sub(Duration::from_micros(100)) {
        std::thread::sleep(most);
    }
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// What `usecs * 0x10c7` and `nsecs * 5`, as inline code computes them, stand for: parts of a second in 2^32.
fn parts(loops: u64) -> Duration {
    Duration::from_nanos(((u128::from(loops) * 1_000_000_000) >> 32) as u64)
}

/// Sleeps for at least `ms` milliseconds; as in Linux a tick more than that, so that `jiffies` shows all of them.
#[kexport(since = "2.6.0", header = "linux/delay.h")]
fn msleep(ms: c_uint) {
    sched::sleep(Duration::from_millis((u64::from(ms).div_ceil(TICK_MS) + 1) * TICK_MS));
    jiffies::tick();
}

/// [`msleep`] that a signal ends: the milliseconds that are left.
#[kexport(since = "2.6.0", header = "linux/delay.h", partial = "no signal ends the sleep")]
fn msleep_interruptible(ms: c_uint) -> c_ulong {
    msleep(ms);
    0
}

/// Sleeps for `min` to `max` microseconds.
#[kexport(since = "5.17", header = "linux/delay.h")]
fn usleep_range_state(min: c_ulong, _max: c_ulong, _state: c_uint) {
    sched::sleep(Duration::from_micros(min));
}

/// Waits for microseconds without sleeping.
#[kexport(since = "2.6.0", header = "linux/delay.h")]
fn __udelay(us: c_ulong) {
    busy(Duration::from_micros(us));
}

/// Waits for nanoseconds without sleeping.
#[kexport(since = "2.6.0", header = "linux/delay.h")]
fn __ndelay(ns: c_ulong) {
    busy(Duration::from_nanos(ns));
}

/// Waits for a time that inline code computed, without sleeping.
#[kexport(since = "2.6.0", header = "linux/delay.h")]
fn __const_udelay(loops: c_ulong) {
    busy(parts(loops));
}

/// Waits for that many cycles of the processor's clock, taken as one nanosecond each.
#[kexport(since = "2.6.0", header = "linux/delay.h")]
fn __delay(cycles: c_ulong) {
    busy(Duration::from_nanos(cycles));
}

#[test]
fn inline_delays_are_understood() {
    let us = parts(1000 * 0x10c7).as_nanos();
    assert!((1_000_000..1_000_200).contains(&us), "{us}");
}
