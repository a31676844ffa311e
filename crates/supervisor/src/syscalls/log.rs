//! `syslog`. Counterpart: `do_syslog` in `kernel/printk/printk.c`.

use super::{EIO, Step, value};
use std::io;
use sys::notify::{Notification, Response};
use wire::{Answer, Call};

const EFAULT: i32 = 14;
const EINVAL: i32 = 22;

/// `syslog(type, buf, len)`.
pub(super) fn syslog(caught: &Notification) -> io::Result<Step> {
    let [action, buffer, len, ..] = caught.args;
    // Both are `int` to the kernel.
    let (action, len) = (action as i32, len as i32);
    let tid = caught.tid;
    let convert = move |answer| match answer {
        Answer::Data(mut data) => {
            data.truncate(usize::try_from(len).unwrap_or(0));
            write_back(tid, buffer, &data)
        }
        other => value(other),
    };
    if buffer == 0 && (2..=4).contains(&action) {
        // The kernel looks for a buffer before it looks for records.
        return Ok(Step::Respond(Response::Errno(EINVAL)));
    }
    Ok(Step::Forward { call: Call::Syslog { action, len }, file: None, convert: Box::new(convert) })
}

/// The caller still waits, so that its thread id is its own.
fn write_back(tid: u32, buffer: u64, data: &[u8]) -> Response {
    if data.is_empty() {
        return Response::Value(0);
    }
    match sys::memory::write(tid, buffer, data) {
        Ok(written) if written == data.len() => i64::try_from(written).map_or(Response::Errno(EIO), Response::Value),
        _ => Response::Errno(EFAULT),
    }
}
