//! The C entry points of the formatter and the scanner. Counterpart: lib/vsprintf.c, lib/kasprintf.c.

use super::vsprintf::{Memory, vsnprintf as format_into, vsscanf as scan};
use crate::env::{self, Kernel, Slots, fault_of};
use crate::mm::slab;
use kabi::{KPtr, KResult, NullPtr, VaList, VarArgs, exports, kexport};
use machine::access;

exports![
    sprintf,
    vsprintf,
    snprintf,
    vsnprintf,
    scnprintf,
    vscnprintf,
    kasprintf,
    kvasprintf,
    sscanf,
    vsscanf,
    sysfs_emit,
    sysfs_emit_at
];

/// Formats into a buffer of `size` bytes with a NUL at its end; the length of the whole text.
fn into_buffer(buffer: KPtr, size: usize, fmt: KPtr, args: VaList) -> KResult<usize> {
    let fmt = access::read_str(fmt.addr(), 1 << 20)?;
    let mut out = Vec::new();
    let len = format_into(&Kernel, &mut out, size, &fmt, &mut Slots(args)).map_err(fault_of)?;
    if size > 0 && size <= i32::MAX as usize {
        out.push(0);
        access::write(buffer.addr(), &out)?;
    }
    Ok(len)
}

fn written(len: usize, size: usize) -> i32 {
    len.min(size.saturating_sub(1)) as i32
}

/// Formats into a buffer that must be large enough.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn sprintf(buffer: KPtr, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    Ok(into_buffer(buffer, i32::MAX as usize, fmt, args.0)? as i32)
}

/// [`sprintf`] with a list of arguments.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn vsprintf(buffer: KPtr, fmt: KPtr, args: VaList) -> KResult<i32> {
    Ok(into_buffer(buffer, i32::MAX as usize, fmt, args)? as i32)
}

/// Formats into `size` bytes; the length that the whole text has.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn snprintf(buffer: KPtr, size: usize, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    Ok(into_buffer(buffer, size, fmt, args.0)? as i32)
}

/// [`snprintf`] with a list of arguments.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn vsnprintf(buffer: KPtr, size: usize, fmt: KPtr, args: VaList) -> KResult<i32> {
    Ok(into_buffer(buffer, size, fmt, args)? as i32)
}

/// Formats into `size` bytes; the bytes written.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn scnprintf(buffer: KPtr, size: usize, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    Ok(written(into_buffer(buffer, size, fmt, args.0)?, size))
}

/// [`scnprintf`] with a list of arguments.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn vscnprintf(buffer: KPtr, size: usize, fmt: KPtr, args: VaList) -> KResult<i32> {
    Ok(written(into_buffer(buffer, size, fmt, args)?, size))
}

/// Formats into a new block.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn kasprintf(_flags: u32, fmt: KPtr, args: VarArgs) -> NullPtr {
    NullPtr(env::format(fmt.addr(), args.0).and_then(|text| slab::give(&[text.as_slice(), &[0]].concat())))
}

/// [`kasprintf`] with a list of arguments.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn kvasprintf(_flags: u32, fmt: KPtr, args: VaList) -> NullPtr {
    NullPtr(env::format(fmt.addr(), args).and_then(|text| slab::give(&[text.as_slice(), &[0]].concat())))
}

/// Formats into the page of a sysfs attribute; `buffer` must be the page's start.
#[kexport(since = "5.10", header = "linux/sysfs.h", gpl)]
fn sysfs_emit(buffer: KPtr, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    Ok(written(into_buffer(buffer, 4096, fmt, args.0)?, 4096))
}

/// [`sysfs_emit`] at an offset of the page.
#[kexport(since = "5.10", header = "linux/sysfs.h", gpl)]
fn sysfs_emit_at(buffer: KPtr, at: i32, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    let Some(room) = usize::try_from(at).ok().and_then(|at| 4096usize.checked_sub(at)).filter(|room| *room > 0) else {
        return Ok(0);
    };
    Ok(written(into_buffer(buffer.offset(at as u64), room, fmt, args.0)?, room))
}

/// Module memory as the scanner's target.
struct ModuleMemory;

impl Memory for ModuleMemory {
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), super::vsprintf::Fault> {
        access::write(addr, bytes).map_err(|fault| super::vsprintf::Fault::Access(fault.addr))
    }
}

fn scan_text(text: KPtr, fmt: KPtr, args: VaList) -> KResult<i32> {
    let text = access::read_str(text.addr(), 1 << 20)?;
    let fmt = access::read_str(fmt.addr(), 1 << 20)?;
    scan(&text, &fmt, &mut Slots(args), &mut ModuleMemory).map_err(fault_of)
}

/// Reads values from a string.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn sscanf(text: KPtr, fmt: KPtr, args: VarArgs) -> KResult<i32> {
    scan_text(text, fmt, args.0)
}

/// [`sscanf`] with a list of arguments.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn vsscanf(text: KPtr, fmt: KPtr, args: VaList) -> KResult<i32> {
    scan_text(text, fmt, args)
}
