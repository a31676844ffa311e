//! Checks around copies between kernel and programs. Counterpart: mm/maccess.c, lib/usercopy.c.

use super::memory::from_user;
use crate::{fault, log};
use kabi::errno::EFAULT;
use kabi::{KPtr, KResult, c_int, exports, kexport};

exports![__copy_overflow, check_zeroed_user];

/// Warns of a copy that is larger than its buffer.
#[kexport(since = "5.15", header = "linux/thread_info.h")]
fn __copy_overflow(size: c_int, count: u64) {
    log::line(4, "------------[ cut here ]------------");
    log::line(4, &format!("Buffer overflow detected ({size} < {count})!"));
    fault::warn_at_caller();
}

/// 1 if all bytes that a program passes are 0.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "5.4", header = "linux/uaccess.h")]
fn check_zeroed_user(from: KPtr, len: usize) -> KResult<c_int> {
    // A byte that is not 0 ends the look before what cannot be read.
    const STEP: usize = 256;
    for start in (0..len).step_by(STEP) {
        let bytes = from_user(from.offset(start as u64), STEP.min(len - start)).map_err(|_| EFAULT)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(0);
        }
    }
    Ok(1)
}
