//! Asking user space for a module. Counterpart: kernel/module/kmod.c (kernel/kmod.c before 6.4).
//!
//! DIFFERS: any number of requests may wait at one time; Linux lets 50.

use crate::umh;
use kabi::errno::{ENAMETOOLONG, ENOENT};
use kabi::{KPtr, KResult, VarArgs, c_int, exports, kexport};
use std::sync::{Mutex, PoisonError};

exports![__request_module];

/// `MODULE_NAME_LEN`.
const NAME_LEN: usize = 56;

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
    Ok(umh::run(&modprobe, &[&modprobe, b"-q", b"--", &name], wait))
}
