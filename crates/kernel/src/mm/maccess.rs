//! Reads and writes of memory that may not be there. Counterpart: mm/maccess.c.

use kabi::errno::{EFAULT, ERANGE};
use kabi::{KError, KPtr, KResult, c_long, exports, kexport};
use machine::access::{self, Fault};

exports![copy_from_kernel_nofault, copy_to_kernel_nofault, strncpy_from_kernel_nofault];

/// An address that no kernel memory can have is told apart, as `copy_from_kernel_nofault_allowed` does.
fn failed(fault: Fault) -> KError {
    // Bits 47 to 63 of a canonical address are all the same.
    let canonical = matches!((fault.addr as i64) >> 47, 0 | -1);
    if fault.addr < access::LOWEST || !canonical { ERANGE.into() } else { EFAULT.into() }
}

/// Copies `size` bytes from an address that may be bad.
///
/// # Errors
/// `ERANGE`: no address of kernel memory. `EFAULT`: nothing is there.
#[kexport(since = "5.8", header = "linux/uaccess.h")]
fn copy_from_kernel_nofault(to: KPtr, from: KPtr, size: usize) -> KResult<c_long> {
    let mut bytes = vec![0; size];
    access::read(from.addr(), &mut bytes).map_err(failed)?;
    access::write(to.addr(), &bytes).map_err(|_| EFAULT)?;
    Ok(0)
}

/// Copies `size` bytes to an address that may be bad.
///
/// # Errors
/// `EFAULT`: it cannot be written.
#[kexport(since = "5.8", header = "linux/uaccess.h")]
fn copy_to_kernel_nofault(to: KPtr, from: KPtr, size: usize) -> KResult<c_long> {
    let bytes = from.bytes(0, size)?;
    access::write(to.addr(), &bytes).map_err(|_| EFAULT)?;
    Ok(0)
}

/// Copies a string of at most `count` bytes from an address that may be bad: its length with the NUL. What is too long
/// is cut.
///
/// # Errors
/// As [`copy_from_kernel_nofault`]; the target is then an empty string.
#[kexport(since = "5.8", header = "linux/uaccess.h")]
fn strncpy_from_kernel_nofault(to: KPtr, from: KPtr, count: c_long) -> KResult<c_long> {
    let count = match usize::try_from(count) {
        Ok(0) | Err(_) => return Ok(0),
        Ok(count) => count,
    };
    match access::read_str(from.addr(), count) {
        Ok(mut text) => {
            text.truncate(count - 1);
            text.push(0);
            access::write(to.addr(), &text)?;
            Ok(text.len() as c_long)
        }
        Err(fault) => {
            if fault.addr >= access::LOWEST {
                to.put(0, 0u8)?;
            }
            Err(failed(fault))
        }
    }
}
