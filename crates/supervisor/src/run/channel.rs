//! Messages between the supervisor and the processes that it starts inside, with descriptors beside them.

use rustix::net::{AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer};
use rustix::net::{SendAncillaryMessage, SendFlags, SocketFlags, SocketType};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use sys::process::Exit;

/// The longest message, in bytes.
const LIMIT: usize = 4096;

/// Something that failed on the way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What was tried.
    pub(super) what: String,
    /// The errno.
    pub(super) errno: i32,
}

impl Failure {
    /// For `map_err`: `what` failed.
    pub(super) fn at<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |e| Self { what, errno: e.into().raw_os_error().unwrap_or(0) }
    }
}

/// A message. Descriptors belong to their variant.
#[derive(Debug)]
pub(super) enum Message {
    /// The middle process has a user namespace and waits for its id maps.
    Unshared,
    /// Go on.
    Continue,
    /// The listening control socket.
    Control(OwnedFd),
    /// The FUSE device, mounted.
    Fuse(OwnedFd),
    /// The root of the /proc of the pid namespace inside.
    Proc(OwnedFd),
    /// The listener of the command's system calls.
    Syscalls(OwnedFd),
    /// A part is missing that the command may do without.
    Note(Failure),
    /// The user namespace was denied.
    NoNamespace(Failure),
    /// Nothing will run.
    Failed(Failure),
    /// The command stopped and waits for `Continue`.
    Stopped,
    /// The command ended.
    Ended(Exit),
}

/// One end.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

impl Channel {
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    pub(super) fn send(&self, message: &Message) -> io::Result<()> {
        let (tag, number, text, fd) = match message {
            Message::Unshared => (b'U', 0, "", None),
            Message::Continue => (b'K', 0, "", None),
            Message::Stopped => (b'T', 0, "", None),
            Message::Control(fd) => (b'C', 0, "", Some(fd)),
            Message::Fuse(fd) => (b'F', 0, "", Some(fd)),
            Message::Proc(fd) => (b'P', 0, "", Some(fd)),
            Message::Syscalls(fd) => (b'L', 0, "", Some(fd)),
            Message::Note(failure) => (b'N', failure.errno, failure.what.as_str(), None),
            Message::NoNamespace(failure) => (b'D', failure.errno, failure.what.as_str(), None),
            Message::Failed(failure) => (b'E', failure.errno, failure.what.as_str(), None),
            Message::Ended(Exit::Code(code)) => (b'X', *code, "", None),
            Message::Ended(Exit::Signal(signal)) => (b'S', *signal, "", None),
        };
        let mut bytes = vec![tag];
        bytes.extend(number.to_le_bytes());
        bytes.extend(text.bytes().take(LIMIT - 5));
        let fds: Vec<BorrowedFd<'_>> = fd.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        }
        rustix::net::sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message; `None` when the other side is gone or breaks the format.
    pub(super) fn receive(&self) -> Option<Message> {
        let mut bytes = [0; LIMIT];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            match rustix::net::recvmsg(&self.0, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other.ok()?.bytes,
            }
        };
        let fd = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        parse(bytes.get(..got)?, fd)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn parse(bytes: &[u8], fd: Option<OwnedFd>) -> Option<Message> {
    let (tag, rest) = bytes.split_first()?;
    let (number, text) = rest.split_first_chunk()?;
    let number = i32::from_le_bytes(*number);
    let failure = || Failure { what: String::from_utf8_lossy(text).into_owned(), errno: number };
    Some(match tag {
        b'U' => Message::Unshared,
        b'K' => Message::Continue,
        b'T' => Message::Stopped,
        b'C' => Message::Control(fd?),
        b'F' => Message::Fuse(fd?),
        b'P' => Message::Proc(fd?),
        b'L' => Message::Syscalls(fd?),
        b'N' => Message::Note(failure()),
        b'D' => Message::NoNamespace(failure()),
        b'E' => Message::Failed(failure()),
        b'X' => Message::Ended(Exit::Code(number)),
        b'S' => Message::Ended(Exit::Signal(number)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_descriptors_cross() {
        let (a, b) = Channel::pair().unwrap();
        a.send(&Message::Failed(Failure { what: "mounting /x".into(), errno: 1 })).unwrap();
        a.send(&Message::Proc(std::fs::File::open("/dev/null").unwrap().into())).unwrap();
        a.send(&Message::Ended(Exit::Signal(9))).unwrap();
        assert!(matches!(b.receive(), Some(Message::Failed(f)) if f.what == "mounting /x" && f.errno == 1));
        assert!(matches!(b.receive(), Some(Message::Proc(_))));
        assert!(matches!(b.receive(), Some(Message::Ended(Exit::Signal(9)))));
        drop(a);
        assert!(b.receive().is_none());
        assert!(parse(b"C\0\0\0\0", None).is_none() && parse(b"U", None).is_none() && parse(b"", None).is_none());
    }
}
