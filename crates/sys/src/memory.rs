//! Another process's memory. Counterpart: `mm/process_vm_access.c`.

use crate::check;
use std::io;

/// Reads from `address` in the process `pid` until `buffer` is full or memory ends; returns how many bytes came.
///
/// # Errors
/// `EFAULT` if not even the first byte is there, `ESRCH`, `EPERM` (also under Landlock).
pub fn read(pid: u32, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = remote(address, buffer.len())?;
    // SAFETY: `local` is exactly the caller's exclusive buffer; the remote range is checked by the kernel.
    let got =
        check(unsafe { libc::process_vm_readv(raw_pid(pid)?, &raw const local, 1, &raw const remote, 1, 0) } as _)?;
    usize::try_from(got).map_err(io::Error::other)
}

/// Writes `bytes` to `address` in the process `pid`; returns how many were written.
///
/// # Errors
/// As [`read`].
pub fn write(pid: u32, address: u64, bytes: &[u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = remote(address, bytes.len())?;
    // SAFETY: the kernel only reads from `local`, the caller's slice; writing into another process is that one's matter,
    // and our own memory is refused by `raw_pid`.
    let put =
        check(unsafe { libc::process_vm_writev(raw_pid(pid)?, &raw const local, 1, &raw const remote, 1, 0) } as _)?;
    usize::try_from(put).map_err(io::Error::other)
}

fn remote(address: u64, len: usize) -> io::Result<libc::iovec> {
    let address = usize::try_from(address).map_err(|_| io::Error::from_raw_os_error(libc::EFAULT))?;
    Ok(libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: len })
}

fn raw_pid(pid: u32) -> io::Result<libc::pid_t> {
    if pid == std::process::id() {
        // Our own memory has references to it that a write would break.
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // A thread id of our own is refused by the caller's duty to pass ids of programs inside; numbers above i32 are none.
    libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Reads a string that ends with a zero byte, without it, of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; `ENAMETOOLONG` if no zero byte comes within the limit.
pub fn read_c_string(pid: u32, mut address: u64, limit: usize) -> io::Result<Vec<u8>> {
    const PAGE: u64 = 4096;
    let mut text = Vec::new();
    while text.len() <= limit {
        // Up to the end of the page only: the next one may be missing.
        let step = usize::try_from(PAGE - address % PAGE).map_err(io::Error::other)?;
        let mut piece = vec![0; step];
        let got = read(pid, address, &mut piece)?;
        piece.truncate(got);
        if let Some(end) = piece.iter().position(|b| *b == 0) {
            piece.truncate(end);
            text.append(&mut piece);
            break;
        }
        text.append(&mut piece);
        address = address.checked_add(got as u64).ok_or_else(|| io::Error::from_raw_os_error(libc::EFAULT))?;
    }
    if text.len() > limit { Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG)) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Forked, exit_now, fork};

    #[test]
    fn a_childs_memory_is_read_and_written() {
        let text = Box::new(*b"before\0after\0");
        let address = (&raw const *text) as u64;
        let Forked::Parent(child) = fork().unwrap() else {
            loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
                if std::hint::black_box(&text)[0] == 0 {
                    exit_now(0);
                }
            }
        };
        assert_eq!(read_c_string(child.pid(), address, 100).unwrap(), b"before");
        assert_eq!(read_c_string(child.pid(), address, 3).unwrap_err().raw_os_error(), Some(libc::ENAMETOOLONG));
        assert_eq!(write(child.pid(), address + 7, b"AF").unwrap(), 2);
        assert_eq!(read_c_string(child.pid(), address + 7, 100).unwrap(), b"AFter");
        assert_eq!(read(child.pid(), 8, &mut [0; 4]).unwrap_err().raw_os_error(), Some(libc::EFAULT));
        assert!(read(std::process::id(), address, &mut [0]).is_err());
        child.kill();
        child.wait().unwrap();
    }
}
