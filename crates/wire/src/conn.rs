//! Frames over a stream socket, with file descriptors beside them.

use crate::Frame;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage};
use rustix::net::{SendFlags, recvmsg, sendmsg};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The longest frame that is accepted, in bytes: a 16 MiB log read fits.
pub const MAX_FRAME: usize = 32 << 20;

/// Why a frame could not be sent or received.
#[derive(Debug)]
pub enum WireError {
    /// The other side closed the connection (for the kernel process: it died).
    Closed,
    /// The socket failed.
    Io(std::io::Error),
    /// The bytes are no frame of ours.
    Malformed(String),
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("the other side closed the connection"),
            Self::Io(e) => write!(f, "socket: {e}"),
            Self::Malformed(why) => write!(f, "malformed frame: {why}"),
        }
    }
}

impl std::error::Error for WireError {}

impl From<rustix::io::Errno> for WireError {
    fn from(e: rustix::io::Errno) -> Self {
        match e {
            rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET => Self::Closed,
            e => Self::Io(e.into()),
        }
    }
}

/// A frame that arrived, with the descriptors that came beside it.
#[derive(Debug)]
pub struct Received {
    /// The frame.
    pub frame: Frame,
    /// Descriptors, in the order in which they were sent.
    pub fds: Vec<OwnedFd>,
}

/// One end of a connection. Sending from several threads needs a lock around it: a frame is several writes.
#[derive(Debug)]
pub struct Conn {
    socket: OwnedFd,
}

impl Conn {
    /// Wraps a connected stream socket.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// A connected pair, close-on-exec.
    ///
    /// # Errors
    /// When the host refuses a socket pair.
    pub fn pair() -> Result<(Self, Self), WireError> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        Ok((Self::new(a), Self::new(b)))
    }

    /// A second handle to the same connection, so that one thread can read while others write.
    ///
    /// # Errors
    /// When the host has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, WireError> {
        Ok(Self { socket: rustix::io::fcntl_dupfd_cloexec(&self.socket, 3)? })
    }

    /// Sends a frame and the given descriptors.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the other side is gone.
    pub fn send(&self, frame: &Frame, fds: &[BorrowedFd<'_>]) -> Result<(), WireError> {
        let mut bytes = vec![0; 4];
        bytes = postcard::to_extend(frame, bytes).map_err(|e| WireError::Malformed(e.to_string()))?;
        let length = bytes.len() - 4;
        if length > MAX_FRAME {
            return Err(WireError::Malformed(format!("a frame of {length} bytes is longer than {MAX_FRAME}")));
        }
        bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(WireError::Malformed(format!("{} descriptors in one frame, at most 8", fds.len())));
        }
        let mut sent = send_once(&self.socket, &bytes, &mut ancillary)?;
        while sent < bytes.len() {
            sent += send_once(&self.socket, &bytes[sent..], &mut SendAncillaryBuffer::default())?;
        }
        Ok(())
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    /// [`WireError::Closed`] at the end of the stream; [`WireError::Malformed`] for bytes that are no frame.
    pub fn receive(&self) -> Result<Received, WireError> {
        let mut fds = Vec::new();
        let mut head = [0; 4];
        self.fill(&mut head, &mut fds)?;
        let length = u32::from_le_bytes(head) as usize;
        if length > MAX_FRAME {
            return Err(WireError::Malformed(format!("a frame of {length} bytes is longer than {MAX_FRAME}")));
        }
        let mut body = vec![0; length];
        self.fill(&mut body, &mut fds)?;
        let frame = postcard::from_bytes(&body).map_err(|e| WireError::Malformed(e.to_string()))?;
        Ok(Received { frame, fds })
    }

    fn fill(&self, mut buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<(), WireError> {
        while !buffer.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let got =
                match recvmsg(&self.socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                    Err(rustix::io::Errno::INTR) => continue,
                    other => other?,
                };
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    fds.extend(rights);
                }
            }
            if got.bytes == 0 {
                return Err(WireError::Closed);
            }
            buffer = &mut buffer[got.bytes..];
        }
        Ok(())
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn send_once(
    socket: &OwnedFd,
    bytes: &[u8],
    ancillary: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> Result<usize, WireError> {
    loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], ancillary, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Call, Caller};

    #[test]
    fn a_frame_and_its_descriptor_arrive() {
        let (a, b) = Conn::pair().unwrap();
        let frame =
            Frame::Call { id: 7, caller: Caller::default(), call: Call::ReadFile { path: "/proc/modules".into() } };
        let null = std::fs::File::open("/dev/null").unwrap();
        a.send(&frame, &[null.as_fd()]).unwrap();
        let got = b.receive().unwrap();
        assert_eq!(got.frame, frame);
        assert_eq!(got.fds.len(), 1);
    }

    #[test]
    fn a_large_frame_crosses_while_the_other_side_reads() {
        let (a, b) = Conn::pair().unwrap();
        let frame = Frame::Answer { id: 1, answer: Answer::Data(vec![7; 5 << 20]) };
        let copy = frame.clone();
        let sender = std::thread::spawn(move || a.send(&copy, &[]));
        assert_eq!(b.receive().unwrap().frame, frame);
        sender.join().unwrap().unwrap();
    }

    #[test]
    fn the_end_of_the_stream_and_garbage_are_told_apart() {
        let (a, b) = Conn::pair().unwrap();
        rustix::io::write(&a, &[3, 0, 0, 0, 255, 255, 255]).unwrap();
        assert!(matches!(b.receive(), Err(WireError::Malformed(_))));
        drop(a);
        assert!(matches!(b.receive(), Err(WireError::Closed)));
    }
}
