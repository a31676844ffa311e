//! `uname`: the release of the profile, so that scripts and modprobe look for the right modules.

use super::{Step, Uname};
use std::io;
use sys::notify::{Notification, Response};

/// Bytes of each field of `struct new_utsname`.
const FIELD: usize = 65;
const EFAULT: i32 = 14;

/// `uname(buf)`.
pub(super) fn uname(caught: &Notification, told: Option<&Uname>) -> io::Result<Step> {
    let Some(told) = told else { return Ok(Step::Respond(Response::Continue)) };
    let host = rustix::system::uname();
    let fields: [&[u8]; 6] = [
        b"Linux",
        host.nodename().to_bytes(),
        told.release.as_bytes(),
        told.version.as_bytes(),
        host.machine().to_bytes(),
        host.domainname().to_bytes(),
    ];
    let bytes: Vec<u8> = fields.into_iter().flat_map(field).collect();
    let written = sys::memory::write(caught.tid, caught.args[0], &bytes)?;
    let response = if written == bytes.len() { Response::Value(0) } else { Response::Errno(EFAULT) };
    Ok(Step::Respond(response))
}

/// A field: at most 64 bytes, filled up with zeros.
fn field(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().copied().take(FIELD - 1).chain(std::iter::repeat(0)).take(FIELD)
}
