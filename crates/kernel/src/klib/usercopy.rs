//! Checks around copies between kernel and programs. Counterpart: mm/usercopy.c, mm/maccess.c, lib/usercopy.c.

use super::memory::from_user;
use crate::{fault, log};
use kabi::errno::EFAULT;
use kabi::{KError, KPtr, KResult, c_int, exports, kexport};

exports![__check_object_size, __copy_overflow, check_zeroed_user];

/// `ZERO_SIZE_PTR`.
const ZERO_SIZE: u64 = 16;

/// Why memory must not be copied, if it must not.
fn objection(start: u64, len: u64) -> Option<&'static str> {
    match start {
        _ if start.checked_add(len - 1).is_none() => Some("wrapped address"),
        0..=ZERO_SIZE => Some("null address"),
        _ => None,
    }
}

/// Stops a copy whose kernel side cannot be an object.
#[kexport(
    since = "4.8",
    header = "linux/uaccess.h",
    partial = "a copy beyond the end of a heap object or of the stack is not seen"
)]
fn __check_object_size(start: KPtr, len: usize, to_user: bool) -> KResult {
    if len == 0 {
        return Ok(());
    }
    let Some(what) = objection(start.addr(), len as u64) else { return Ok(()) };
    let (verb, direction) = if to_user { ("exposure", "from") } else { ("overwrite", "to") };
    log::line(
        0,
        &format!("usercopy: Kernel memory {verb} attempt detected {direction} {what} (offset 0, size {len})!"),
    );
    Err(KError::Bug("kernel BUG at mm/usercopy.c"))
}

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
