//! The typed calls: one set for the supervisor itself and for the tools inside.

use crate::{Error, Instance};
use std::os::fd::BorrowedFd;
use wire::{Answer, Call, Caller, ModuleImage, Report, VfsCall, VfsReply};

/// Something that takes calls: an [`Instance`] on behalf of a caller ([`As`]), or a tool's [`crate::client::Client`].
pub trait Calls {
    /// Makes a call and waits for its answer. `Answer::Errno` and `Answer::Killed` come back as errors.
    ///
    /// # Errors
    /// What the kernel process answered, or why it could not.
    fn call(&self, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Answer, Error>;

    /// `init_module(2)`: `file` is a memfd or a regular file, read from its start; `path` is for reports only.
    ///
    /// # Errors
    /// The errno of the system call, for example `ENOEXEC`, or that an oops in the module's init killed the task.
    fn init_module(&self, file: BorrowedFd<'_>, params: &[u8], flags: u32, path: Option<&str>) -> Result<(), Error> {
        let image = ModuleImage::Tool { flags };
        let call = Call::InitModule { image, params: Ok(params.to_vec()), path: path.map(Into::into) };
        self.call(call, &[file]).map(drop)
    }

    /// `delete_module(2)`.
    ///
    /// # Errors
    /// The errno of the system call, for example `EBUSY`.
    fn delete_module(&self, name: &[u8], flags: u32) -> Result<(), Error> {
        self.call(Call::DeleteModule { name: Ok(name.to_vec()), flags }, &[]).map(drop)
    }

    /// `syslog(2)`: the result, and the bytes that the call would have written to its buffer.
    ///
    /// # Errors
    /// The errno of the system call.
    fn syslog(&self, action: i32, len: i32) -> Result<(i64, Vec<u8>), Error> {
        match self.call(Call::Syslog { action, len }, &[])? {
            Answer::Value(value) => Ok((value, Vec::new())),
            Answer::Data(data) => Ok((i64::try_from(data.len()).unwrap_or(i64::MAX), data)),
            other => Err(unexpected(&other)),
        }
    }

    /// All bytes of a file of the instance's own trees, such as `/proc/modules`.
    ///
    /// # Errors
    /// `ENOENT` for files that are the host's, and what reading gives.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, Error> {
        match self.call(Call::ReadFile { path: path.into() }, &[])? {
            Answer::Data(data) => Ok(data),
            other => Err(unexpected(&other)),
        }
    }

    /// One `write(2)` to a file of the instance's own trees.
    ///
    /// # Errors
    /// As [`Calls::read_file`].
    fn write_file(&self, path: &str, data: &[u8]) -> Result<(), Error> {
        self.call(Call::WriteFile { path: path.into(), data: data.to_vec() }, &[]).map(drop)
    }

    /// What the run left behind.
    ///
    /// # Errors
    /// Only when the kernel process is gone.
    fn report(&self) -> Result<Report, Error> {
        match self.call(Call::Report, &[])? {
            Answer::Report(report) => Ok(report),
            other => Err(unexpected(&other)),
        }
    }

    /// An operation on the instance's trees.
    ///
    /// # Errors
    /// The errno of the operation.
    fn vfs(&self, call: VfsCall) -> Result<VfsReply, Error> {
        match self.call(Call::Vfs(call), &[])? {
            Answer::Vfs(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }
}

pub(crate) fn unexpected(answer: &Answer) -> Error {
    // A log read can be large; the kind at the start is what matters.
    let mut text: String = format!("{answer:?}").chars().take(80).collect();
    text.push('…');
    Error::Unexpected(text)
}

/// An instance, seen by one caller; see [`Instance::as_caller`].
pub struct As<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) caller: Caller,
}

impl Calls for As<'_> {
    fn call(&self, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Answer, Error> {
        self.instance.call(self.caller.clone(), call, fds)
    }
}
