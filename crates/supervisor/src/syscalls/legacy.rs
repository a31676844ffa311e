//! The module system calls of Linux 2.4, where that personality is chosen. Counterpart: `kernel/module.c` of Linux 2.4;
//! the numbers are those of today's arch/x86/entry/syscalls/syscall_64.tbl.

use super::{EIO, Step, value};
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{self, Write};
use sys::notify::{Notification, Response};
use wire::legacy::{MOST_IMAGE, UserString, header};
use wire::{Answer, Call, LegacyCall};

/// `create_module`, `get_kernel_syms` and `query_module`, which no kernel has today; besides, `init_module` and
/// `delete_module` mean 2.4's.
pub(super) mod number {
    pub(in super::super) const CREATE_MODULE: i32 = 174;
    pub(in super::super) const GET_KERNEL_SYMS: i32 = 177;
    pub(in super::super) const QUERY_MODULE: i32 = 178;
}

const EFAULT: i32 = 14;
/// One byte less than a page, which `get_mod_name` copies a name to.
const MAX_NAME: usize = 4095;

/// A string of the caller's; what is wrong with it is for the kernel to say at the right moment.
fn name(caught: &Notification, address: u64) -> UserString {
    let name = sys::memory::read_c_string(caught.tid, address, MAX_NAME);
    name.map_err(|e| e.raw_os_error().unwrap_or(EFAULT))
}

fn optional_name(caught: &Notification, address: u64) -> Option<UserString> {
    (address != 0).then(|| name(caught, address))
}

fn forward(call: LegacyCall) -> Step {
    Step::Forward { call: Call::Legacy(call), file: None, convert: Box::new(value) }
}

/// `create_module(name, size)`.
pub(super) fn create(caught: &Notification) -> io::Result<Step> {
    let [address, size, ..] = caught.args;
    Ok(forward(LegacyCall::CreateModule { name: name(caught, address), size }))
}

/// `init_module(name, image)`: as much of the image as can be read goes along.
pub(super) fn init(caught: &Notification) -> io::Result<Step> {
    let [address, image, ..] = caught.args;
    let mut file = File::from(rustix::fs::memfd_create("image", MemfdFlags::CLOEXEC)?);
    file.write_all(&read_image(caught.tid, image))?;
    let call = Call::Legacy(LegacyCall::InitModule { name: name(caught, address) });
    Ok(Step::Forward { call, file: Some(file.into()), convert: Box::new(value) })
}

/// The image at an address: its header says how long it is.
fn read_image(tid: u32, address: u64) -> Vec<u8> {
    let mut bytes = read_some(tid, address, header::MOST);
    let size = bytes.get(header::SIZE as usize..).and_then(|b| b.first_chunk()).map_or(0, |n| u64::from_le_bytes(*n));
    let have = bytes.len() as u64;
    if have == header::MOST && size > have {
        bytes.append(&mut read_some(tid, address.wrapping_add(have), size.min(MOST_IMAGE) - have));
    }
    bytes
}

fn read_some(tid: u32, address: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let got = sys::memory::read(tid, address, &mut bytes).unwrap_or(0);
    bytes.truncate(got);
    bytes
}

/// `delete_module(name)`.
pub(super) fn delete(caught: &Notification) -> io::Result<Step> {
    Ok(forward(LegacyCall::DeleteModule { name: optional_name(caught, caught.args[0]) }))
}

/// `get_kernel_syms(table)`: where the table ends early, so do the rows that are counted.
pub(super) fn kernel_syms(caught: &Notification) -> io::Result<Step> {
    let (tid, table) = (caught.tid, caught.args[0]);
    let convert = move |answer| match answer {
        Answer::Data(rows) => {
            let written = sys::memory::write(tid, table, &rows).unwrap_or(0);
            Response::Value((written / wire::legacy::KERNEL_SYM_LEN) as i64)
        }
        other => value(other),
    };
    let call = Call::Legacy(LegacyCall::GetKernelSyms { table: table != 0 });
    Ok(Step::Forward { call, file: None, convert: Box::new(convert) })
}

/// `query_module(name, which, buf, bufsize, ret)`.
pub(super) fn query(caught: &Notification) -> io::Result<Step> {
    let [name, which, buffer, size, ret, _] = caught.args;
    let tid = caught.tid;
    let call = Call::Legacy(LegacyCall::QueryModule { name: optional_name(caught, name), which: which as i32, size });
    let convert = move |answer| {
        let Answer::Legacy(reply) = answer else { return Response::Errno(EIO) };
        let all = |address, bytes: &[u8]| sys::memory::write(tid, address, bytes).is_ok_and(|n| n == bytes.len());
        let written = reply.data.is_empty() || all(buffer, &reply.data);
        let told = reply.ret.is_none_or(|number| all(ret, &number.to_le_bytes()));
        match reply.errno {
            _ if !written || !told => Response::Errno(EFAULT),
            0 => Response::Value(0),
            errno => Response::Errno(errno),
        }
    };
    Ok(Step::Forward { call, file: None, convert: Box::new(convert) })
}
