//! Sockets on which programs inside hear the kernel's uevents. Counterpart: `lib/kobject_uevent.c`.
//!
//! Such a socket hears the host's kernel. So a program's `socket(AF_NETLINK, ..., NETLINK_KOBJECT_UEVENT)` is caught
//! (`crate::syscalls`), and it gets one of a network namespace of its own, into which Linux lets the owner put uevents: they
//! come from the kernel, as everything that looks at such a message wants to see. Binding, filters and all else are Linux's
//! own. The process that has the namespace, the *keeper*, is forked from the starter ([`super::helper`]) when the first
//! socket is asked for, since making a network namespace takes time.
//!
//! DIFFERS: the messages carry the host's number (`SEQNUM`), which grows with each, not that of the instance's
//! /sys/kernel/uevent_seqnum; without a network namespace a program gets the host's socket and hears nothing.

use crate::link::lock;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer};
use rustix::net::{SendAncillaryMessage, SendFlags, SocketFlags, SocketType};
use rustix::thread::UnshareFlags;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest message: `UEVENT_BUFFER_SIZE` and what stands before it.
const LIMIT: usize = 4096;
/// A request for a socket, and one to send.
const SOCKET: u8 = b'S';
const EVENT: u8 = b'E';
const EIO: i32 = 5;

/// The type in the second argument of `socket(2)`, and its flag.
const TYPE: u32 = 0xf;
const NONBLOCK: u32 = 0o4000;

/// The supervisor's side.
#[derive(Debug)]
pub(crate) struct Uevents {
    keeper: Mutex<OwnedFd>,
    /// Somebody has a socket.
    heard: AtomicBool,
}

/// Both ends: the supervisor's and the starter's.
pub(super) fn pair() -> io::Result<(Uevents, OwnedFd)> {
    let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((Uevents { keeper: Mutex::new(a), heard: AtomicBool::new(false) }, b))
}

impl Uevents {
    /// Tells those who listen.
    pub(crate) fn send(&self, message: &[u8]) {
        if self.heard.load(Ordering::SeqCst) {
            let message = [&[EVENT], message].concat();
            // Without the keeper nobody listens any more.
            let _ = rustix::net::send(&*lock(&self.keeper), &message, SendFlags::NOSIGNAL);
        }
    }

    /// A socket of the type that `socket(2)` was called with. Waits for the keeper.
    ///
    /// # Errors
    /// When there is no keeper, or it cannot make one.
    pub(crate) fn socket(&self, kind: u32) -> io::Result<OwnedFd> {
        let keeper = lock(&self.keeper);
        let request = [&[SOCKET][..], &kind.to_ne_bytes()].concat();
        rustix::net::send(&*keeper, &request, SendFlags::NOSIGNAL)?;
        let mut bytes = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = rustix::io::retry_on_intr(|| {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            rustix::net::recvmsg(&*keeper, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        })?;
        let socket = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let errno = if got.bytes == bytes.len() { i32::from_ne_bytes(bytes) } else { EIO };
        let socket = socket.ok_or_else(|| io::Error::from_raw_os_error(errno))?;
        self.heard.store(true, Ordering::SeqCst);
        Ok(socket)
    }
}

/// The keeper's main; it has just been forked from the starter.
pub(super) fn keeper(requests: &OwnedFd) -> ! {
    let _ = rustix::thread::set_name(c"lkm-uevents");
    let _ = sys::process::die_with_parent();
    let _ = sys::process::close_all_but(&[requests.as_fd()]);
    let source =
        sys::process::unshare(UnshareFlags::NEWNET).and_then(|()| socket(SocketType::RAW, SocketFlags::empty()));
    let mut buffer = [0; LIMIT];
    loop {
        let got = rustix::io::retry_on_intr(|| rustix::net::recv(requests, &mut buffer[..], RecvFlags::empty()));
        let request = got.ok().and_then(|(got, _)| buffer.get(..got)).unwrap_or_default();
        match (request.split_first(), &source) {
            (Some((&SOCKET, kind)), source) => answer(requests, kind, source.as_ref().err()),
            (Some((&EVENT, message)), Ok(source)) => broadcast(source, message),
            (Some(_), _) => {}
            // The supervisor is gone.
            (None, _) => sys::process::exit_now(0),
        }
    }
}

fn socket(kind: SocketType, flags: SocketFlags) -> io::Result<OwnedFd> {
    let protocol = Some(netlink::KOBJECT_UEVENT);
    Ok(rustix::net::socket_with(AddressFamily::NETLINK, kind, flags | SocketFlags::CLOEXEC, protocol)?)
}

/// Sends a new socket, or why there is none.
fn answer(requests: &OwnedFd, kind: &[u8], broken: Option<&io::Error>) {
    let kind = kind.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    let flags = if kind & NONBLOCK != 0 { SocketFlags::NONBLOCK } else { SocketFlags::empty() };
    let made = match broken {
        Some(e) => Err(e.raw_os_error().unwrap_or(EIO)),
        None => socket(SocketType::from_raw(kind & TYPE), flags).map_err(|e| e.raw_os_error().unwrap_or(EIO)),
    };
    let errno = made.as_ref().err().copied().unwrap_or(0).to_ne_bytes();
    let fds: Vec<_> = made.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    }
    let _ = rustix::net::sendmsg(requests, &[IoSlice::new(&errno)], &mut ancillary, SendFlags::NOSIGNAL);
}

/// Hands a message to Linux, which adds its number and tells all listeners of the namespace (`uevent_net_rcv`).
fn broadcast(source: &OwnedFd, message: &[u8]) {
    // `struct nlmsghdr`: length, type, flags (a request), number, sender.
    const HEADER: usize = 16;
    const REQUEST: u16 = 1;
    const NO_TYPE: u16 = 0x10;
    let length = u32::try_from(HEADER.saturating_add(message.len())).unwrap_or(u32::MAX);
    let mut packet = length.to_ne_bytes().to_vec();
    packet.extend(NO_TYPE.to_ne_bytes());
    packet.extend(REQUEST.to_ne_bytes());
    packet.extend([0; 8]);
    packet.extend(message);
    // A message that is too long for Linux is told to nobody, as there.
    let _ = rustix::net::sendto(source, &packet, SendFlags::empty(), &SocketAddrNetlink::new(0, 0));
}
