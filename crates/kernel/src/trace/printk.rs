//! Messages to the trace. Counterpart: kernel/trace/trace.c, kernel/trace/trace_printk.c.

use crate::env;
use kabi::{KPtr, KResult, KStr, VaList, VarArgs, c_int, exports, kexport};

exports![__trace_bputs, __trace_puts, __trace_bprintk, __trace_printk, __ftrace_vbprintk, __ftrace_vprintk];

fn format(ip: u64, fmt: KPtr, args: VaList) -> KResult<c_int> {
    if fmt.is_null() {
        return Ok(0);
    }
    Ok(super::write(ip, env::format(fmt.addr(), args)?) as c_int)
}

/// Writes a constant string.
#[kexport(since = "3.10", header = "linux/kernel.h", gpl)]
fn __trace_bputs(ip: u64, text: KStr) -> c_int {
    super::write(ip, text.as_bytes().to_vec()) as c_int
}

/// Writes a line; a newline is added if it has none.
#[kexport(since = "3.10", header = "linux/kernel.h", gpl)]
fn __trace_puts(ip: u64, text: KPtr, len: c_int) -> KResult<c_int> {
    let mut text = text.bytes(0, usize::try_from(len).unwrap_or(0))?;
    let len = text.len();
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    super::write(ip, text);
    Ok(len as c_int)
}

/// Formats a message with a constant format.
#[kexport(since = "2.6.30", header = "linux/kernel.h", gpl)]
fn __trace_bprintk(ip: u64, fmt: KPtr, args: VarArgs) -> KResult<c_int> {
    format(ip, fmt, args.0)
}

/// Formats a message.
#[kexport(since = "2.6.30", header = "linux/kernel.h", gpl)]
fn __trace_printk(ip: u64, fmt: KPtr, args: VarArgs) -> KResult<c_int> {
    format(ip, fmt, args.0)
}

/// [`__trace_bprintk`] with a list of arguments.
#[kexport(since = "2.6.30", header = "linux/kernel.h", gpl)]
fn __ftrace_vbprintk(ip: u64, fmt: KPtr, args: VaList) -> KResult<c_int> {
    format(ip, fmt, args)
}

/// [`__trace_printk`] with a list of arguments.
#[kexport(since = "2.6.30", header = "linux/kernel.h", gpl)]
fn __ftrace_vprintk(ip: u64, fmt: KPtr, args: VaList) -> KResult<c_int> {
    format(ip, fmt, args)
}
