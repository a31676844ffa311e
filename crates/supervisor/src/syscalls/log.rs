//! `syslog`. Counterpart: `do_syslog` in `kernel/printk/printk.c`.

use super::{Step, value, write_back};
use std::io;
use sys::notify::{Notification, Response};
use wire::{Answer, Call};

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
            write_back(tid, buffer, &data, data.len())
        }
        other => value(other),
    };
    if buffer == 0 && (2..=4).contains(&action) {
        // The kernel looks for a buffer before it looks for records.
        return Ok(Step::Respond(Response::Errno(EINVAL)));
    }
    Ok(Step::Forward { call: Call::Syslog { action, len }, file: None, convert: Box::new(convert) })
}
