//! The clock tick that modules read from memory. Counterpart: kernel/time/{timer,jiffies}.c.

use crate::log;
use kabi::{DataExport, DataSize, KResult, c_uint, c_ulong, exports, kexport};
use machine::access;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

exports![jiffies_to_msecs, jiffies_to_usecs, __msecs_to_jiffies, __usecs_to_jiffies, get_jiffies_64];

/// Ticks in a second (Debian's `CONFIG_HZ`).
pub const HZ: u64 = 250;
/// Milliseconds of a tick.
pub const TICK_MS: u64 = 1000 / HZ;
/// `MAX_JIFFY_OFFSET`: for ever.
const LONGEST: u64 = (i64::MAX as u64 >> 1) - 1;

/// Variables that tick.
static TICKING: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Shows the present time in the variables: the clock's thread may be late.
pub fn tick() {
    let ticking = TICKING.lock().unwrap_or_else(PoisonError::into_inner);
    // Read under the lock: the variables never go back.
    let now = log::jiffies();
    for addr in ticking.iter() {
        // The variables' memory stays for as long as the kernel runs.
        let _ = access::put(*addr, now);
    }
}

/// Lets a variable tick. The thread starts when the first module asks for one: who does not look needs no clock.
fn start(addr: u64, _: usize) -> KResult {
    static CLOCK: Once = Once::new();
    TICKING.lock().unwrap_or_else(PoisonError::into_inner).push(addr);
    tick();
    CLOCK.call_once(|| {
        let clock = std::thread::Builder::new().name("clock".into()).stack_size(64 << 10);
        let spawned = clock.spawn(|| {
            loop {
                std::thread::sleep(Duration::from_millis(TICK_MS));
                tick();
            }
        });
        if spawned.is_err() {
            log::line(3, "lkm: the host gives no thread for the clock: jiffies stand still");
        }
    });
    Ok(())
}

/// Ticks as milliseconds.
#[kexport(since = "2.6.21", header = "linux/jiffies.h")]
fn jiffies_to_msecs(ticks: c_ulong) -> c_uint {
    ticks.wrapping_mul(TICK_MS) as c_uint
}

/// Ticks as microseconds.
#[kexport(since = "2.6.21", header = "linux/jiffies.h")]
fn jiffies_to_usecs(ticks: c_ulong) -> c_uint {
    ticks.wrapping_mul(TICK_MS * 1000) as c_uint
}

/// Milliseconds as ticks, rounded up; a negative number is for ever.
#[kexport(since = "3.19", header = "linux/jiffies.h")]
fn __msecs_to_jiffies(ms: c_uint) -> c_ulong {
    if (ms as i32) < 0 { LONGEST } else { u64::from(ms).div_ceil(TICK_MS) }
}

/// Microseconds as ticks, rounded up.
#[kexport(since = "3.19", header = "linux/jiffies.h")]
fn __usecs_to_jiffies(us: c_uint) -> c_ulong {
    u64::from(us).div_ceil(TICK_MS * 1000)
}

/// Ticks since boot.
#[kexport(since = "2.6.0", header = "linux/jiffies.h")]
fn get_jiffies_64() -> u64 {
    log::jiffies()
}

const fn ticking(names: &'static [&'static str]) -> DataExport {
    let doc = "Ticks of the clock since boot, 250 in a second.";
    DataExport { names, size: DataSize::Bytes(8), percpu: false, gpl: false, init: start, doc }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[ticking(&["jiffies"]), ticking(&["jiffies_64"])];

#[test]
fn times_round_up_to_ticks() {
    assert_eq!([0, 1, 4, 5, 1000, u32::MAX].map(__msecs_to_jiffies), [0, 1, 1, 2, 250, LONGEST]);
    assert_eq!([0, 1, 4000, 4001].map(__usecs_to_jiffies), [0, 1, 1, 2]);
    assert_eq!((jiffies_to_msecs(3), jiffies_to_usecs(3)), (12, 12_000));
}
