//! Asking user space for a module. Counterpart: kernel/module/kmod.c (kernel/kmod.c before 6.4).
//!
//! DIFFERS: a request that waits for its turn is not given up when its caller is killed.

use crate::log::Limited;
use crate::{sched, umh};
use kabi::errno::{ENAMETOOLONG, ENOENT};
use kabi::{Errno, KPtr, KResult, VarArgs, c_int, exports, kexport};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

exports![__request_module];

/// `MODULE_NAME_LEN`.
const NAME_LEN: usize = 56;

/// `MAX_KMOD_CONCURRENT`: how many requests may wait at one time, and for how long the next one waits for its turn
/// (`MAX_KMOD_ALL_BUSY_TIMEOUT`).
const MOST: u32 = 50;
const PATIENCE: Duration = Duration::from_secs(5);
const ETIME: Errno = Errno(62);
/// The first kernel that waits without saying so.
const SILENT: loader::Series = (6, 4);

/// /proc/sys/kernel/modprobe; empty: nothing is loaded on request. Starts as `CONFIG_MODPROBE_PATH` of Debian.
static MODPROBE: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// The program that loads modules.
pub fn modprobe() -> Vec<u8> {
    let path = MODPROBE.lock().unwrap_or_else(PoisonError::into_inner);
    path.clone().unwrap_or_else(|| b"/sbin/modprobe".to_vec())
}

/// Sets the program that loads modules.
pub fn set_modprobe(path: Vec<u8>) {
    *MODPROBE.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
}

/// Has modprobe load a module, whose name is formatted: 0, a negative errno, or the status that modprobe ended with.
#[kexport(since = "2.6.30", header = "linux/kmod.h")]
fn __request_module(wait: bool, fmt: KPtr, args: VarArgs) -> KResult<c_int> {
    let modprobe = modprobe();
    if modprobe.is_empty() {
        return Ok(-ENOENT.0);
    }
    let name = crate::env::format(fmt.addr(), args.0)?;
    if name.len() >= NAME_LEN {
        return Ok(-ENAMETOOLONG.0);
    }
    let Some(_turn) = Turn::take(&String::from_utf8_lossy(&name)) else { return Ok(-ETIME.0) };
    Ok(umh::run(&modprobe, &[&modprobe, b"-q", b"--", &name], wait))
}

/// One of the requests that may wait at one time.
struct Turn;

static WAITING: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());

impl Turn {
    /// Waits for a turn; `None` if there was none for too long.
    fn take(module: &str) -> Option<Self> {
        static THROTTLED: Limited = Limited::new();
        static BUSY: Limited = Limited::new();
        let waiting = || WAITING.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = *waiting() >= MOST;
        if is_full && loader::series() < SILENT {
            let text = format!(
                "request_module: kmod_concurrent_max (0) close to 0 (max_modprobes: {MOST}), for module {module}, \
                 throttling..."
            );
            THROTTLED.line(4, "__request_module", &text);
        }
        let taken = sched::blocking(|| {
            let (mut count, _) = WAITING
                .1
                .wait_timeout_while(waiting(), PATIENCE, |count| *count >= MOST)
                .unwrap_or_else(PoisonError::into_inner);
            let free = *count < MOST;
            *count += u32::from(free);
            free
        });
        if !taken {
            let text = format!(
                "request_module: modprobe {module} cannot be processed, kmod busy with {MOST} threads for more than {} \
                 seconds now",
                PATIENCE.as_secs()
            );
            BUSY.line(4, "__request_module", &text);
        }
        // Made only now: a turn that was not taken must not be given back.
        taken.then(|| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *WAITING.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        WAITING.1.notify_one();
    }
}
