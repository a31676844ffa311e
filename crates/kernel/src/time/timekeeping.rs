//! What time it is. Counterpart: kernel/time/timekeeping.c.
//!
//! The monotonic clocks count from the boot of the instance, as the log's times do; an instance is never suspended, and
//! nobody adjusts its clock, so all of them show the same. The real-time clock is the host's; there are no leap seconds.

use crate::log;
use kabi::{Field, KPtr, KResult, exports, kexport};
use std::time::{Duration, SystemTime};

exports![
    ktime_get,
    ktime_get_real,
    ktime_get_mono_fast_ns,
    ktime_get_with_offset,
    ktime_mono_to_any,
    ktime_get_real_ts64,
    ktime_get_coarse_ts64,
    ktime_get_ts64,
    ktime_get_seconds,
    ktime_get_real_seconds,
    ktime_get_real_fast_ns,
    getboottime64,
];

/// `struct timespec64` of include/linux/time64.h.
struct Timespec64;

static SECONDS: Field = Field::new("timespec64", "tv_sec");
static NANOSECONDS: Field = Field::new("timespec64", "tv_nsec");

fn put(time: Duration, to: KPtr<Timespec64>) -> KResult {
    SECONDS.put(to, time.as_secs())?;
    NANOSECONDS.put(to, u64::from(time.subsec_nanos()))
}

/// The host's time since 1970.
fn real() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// `ktime_t`: nanoseconds.
fn ktime(time: Duration) -> i64 {
    time.as_nanos() as i64
}

/// `TK_OFFS_REAL`, `TK_OFFS_BOOT` and `TK_OFFS_TAI` of include/linux/timekeeping.h.
const REAL: u32 = 0;
#[cfg(test)]
const BOOT: u32 = 1;
const TAI: u32 = 2;

/// What a clock is ahead of the monotonic one.
fn ahead(clock: u32) -> i64 {
    match clock {
        REAL | TAI => ktime(real()) - ktime(log::since_boot()),
        _ => 0,
    }
}

/// How far the real-time clock is ahead of the monotonic one.
pub(super) fn ktime_ahead() -> i64 {
    ahead(REAL)
}

/// Nanoseconds of the real-time clock, which inline code has for itself; for who asks a timer's clock.
#[kexport(since = "2.6.16", header = "linux/timekeeping.h", symbol = "ktime_get_clocktai")]
fn ktime_get_real() -> i64 {
    ktime(real())
}

/// Nanoseconds of the monotonic clock.
#[kexport(
    since = "2.6.16",
    header = "linux/timekeeping.h",
    gpl,
    symbol = "ktime_get_raw",
    symbol = "ktime_get_boottime"
)]
fn ktime_get() -> i64 {
    ktime(log::since_boot())
}

/// [`ktime_get`] for where no lock may be taken.
#[kexport(
    since = "3.17",
    header = "linux/timekeeping.h",
    gpl,
    symbol = "ktime_get_raw_fast_ns",
    symbol = "ktime_get_boot_fast_ns"
)]
fn ktime_get_mono_fast_ns() -> u64 {
    log::since_boot().as_nanos() as u64
}

/// Nanoseconds of the real-time, boot-time or atomic-time clock.
#[kexport(since = "3.17", header = "linux/timekeeping.h", gpl, symbol = "ktime_get_coarse_with_offset")]
fn ktime_get_with_offset(clock: u32) -> i64 {
    ktime_get() + ahead(clock)
}

/// A time of the monotonic clock as one of another clock.
#[kexport(since = "3.17", header = "linux/timekeeping.h", gpl)]
fn ktime_mono_to_any(time: i64, clock: u32) -> i64 {
    time.wrapping_add(ahead(clock))
}

/// The real time.
#[kexport(since = "3.17", header = "linux/timekeeping.h", symbol = "ktime_get_coarse_real_ts64")]
fn ktime_get_real_ts64(to: KPtr<Timespec64>) -> KResult {
    put(real(), to)
}

/// The monotonic clock, also of the coarse kind.
#[kexport(since = "5.0", header = "linux/timekeeping.h", symbol = "ktime_get_raw_ts64")]
fn ktime_get_coarse_ts64(to: KPtr<Timespec64>) -> KResult {
    put(log::since_boot(), to)
}

/// The monotonic clock.
#[kexport(since = "3.17", header = "linux/timekeeping.h", gpl)]
fn ktime_get_ts64(to: KPtr<Timespec64>) -> KResult {
    put(log::since_boot(), to)
}

/// Seconds of the monotonic clock.
#[kexport(since = "3.19", header = "linux/timekeeping.h", gpl)]
fn ktime_get_seconds() -> i64 {
    log::since_boot().as_secs() as i64
}

/// Seconds since 1970.
#[kexport(since = "3.19", header = "linux/timekeeping.h", gpl)]
fn ktime_get_real_seconds() -> i64 {
    real().as_secs() as i64
}

/// Nanoseconds since 1970.
#[kexport(since = "3.17", header = "linux/timekeeping.h", gpl)]
fn ktime_get_real_fast_ns() -> u64 {
    real().as_nanos() as u64
}

/// When the instance booted, in real time.
#[kexport(since = "3.17", header = "linux/timekeeping.h", gpl)]
fn getboottime64(to: KPtr<Timespec64>) -> KResult {
    put(real().saturating_sub(log::since_boot()), to)
}

#[test]
fn the_clocks_agree() {
    let (first, real_first) = (ktime_get(), ktime_get_with_offset(REAL));
    assert!(first >= 0 && ktime_get() >= first && ktime_get_mono_fast_ns() as i64 >= first);
    assert_eq!(ktime_get_with_offset(BOOT) / 1_000_000_000, ktime_get_seconds());
    let seconds = real().as_secs() as i64;
    assert!((seconds - real_first / 1_000_000_000).abs() <= 1 && (seconds - ktime_get_real_seconds()).abs() <= 1);
    assert!((ktime_mono_to_any(first, REAL) - real_first).abs() < 1_000_000_000);
    assert_eq!(ktime_mono_to_any(7, BOOT), 7);
}
