//! The bytes of FUSE's messages: `include/uapi/linux/fuse.h`, version 7.

/// Length of `struct fuse_in_header`.
const IN_HEADER: usize = 40;
/// Length of `struct fuse_out_header`.
pub(super) const OUT_HEADER: usize = 16;

/// Request codes.
pub(super) mod op {
    pub(in crate::faces) const LOOKUP: u32 = 1;
    pub(in crate::faces) const FORGET: u32 = 2;
    pub(in crate::faces) const GETATTR: u32 = 3;
    pub(in crate::faces) const SETATTR: u32 = 4;
    pub(in crate::faces) const READLINK: u32 = 5;
    pub(in crate::faces) const SYMLINK: u32 = 6;
    pub(in crate::faces) const MKNOD: u32 = 8;
    pub(in crate::faces) const MKDIR: u32 = 9;
    pub(in crate::faces) const UNLINK: u32 = 10;
    pub(in crate::faces) const RMDIR: u32 = 11;
    pub(in crate::faces) const RENAME: u32 = 12;
    pub(in crate::faces) const LINK: u32 = 13;
    pub(in crate::faces) const OPEN: u32 = 14;
    pub(in crate::faces) const READ: u32 = 15;
    pub(in crate::faces) const WRITE: u32 = 16;
    pub(in crate::faces) const STATFS: u32 = 17;
    pub(in crate::faces) const RELEASE: u32 = 18;
    pub(in crate::faces) const FSYNC: u32 = 20;
    pub(in crate::faces) const FLUSH: u32 = 25;
    pub(in crate::faces) const INIT: u32 = 26;
    pub(in crate::faces) const OPENDIR: u32 = 27;
    pub(in crate::faces) const READDIR: u32 = 28;
    pub(in crate::faces) const RELEASEDIR: u32 = 29;
    pub(in crate::faces) const FSYNCDIR: u32 = 30;
    pub(in crate::faces) const CREATE: u32 = 35;
    pub(in crate::faces) const INTERRUPT: u32 = 36;
    pub(in crate::faces) const DESTROY: u32 = 38;
    pub(in crate::faces) const IOCTL: u32 = 39;
    pub(in crate::faces) const POLL: u32 = 40;
    pub(in crate::faces) const NOTIFY_REPLY: u32 = 41;
    pub(in crate::faces) const BATCH_FORGET: u32 = 42;
    pub(in crate::faces) const FALLOCATE: u32 = 43;
    pub(in crate::faces) const READDIRPLUS: u32 = 44;
    pub(in crate::faces) const RENAME2: u32 = 45;
    pub(in crate::faces) const COPY_FILE_RANGE: u32 = 47;
}

/// `FUSE_NOTIFY_POLL`.
pub(super) const NOTIFY_POLL: i32 = 1;

/// Errnos that this layer itself answers.
pub(super) mod errno {
    pub(in crate::faces) const EPERM: i32 = 1;
    pub(in crate::faces) const ENOENT: i32 = 2;
    pub(in crate::faces) const EIO: i32 = 5;
    pub(in crate::faces) const EINTR: i32 = 4;
    pub(in crate::faces) const EBADF: i32 = 9;
    pub(in crate::faces) const EAGAIN: i32 = 11;
    pub(in crate::faces) const EACCES: i32 = 13;
    pub(in crate::faces) const ENOTDIR: i32 = 20;
    pub(in crate::faces) const EINVAL: i32 = 22;
    pub(in crate::faces) const ENAMETOOLONG: i32 = 36;
    pub(in crate::faces) const ENOSYS: i32 = 38;
    pub(in crate::faces) const EPROTO: i32 = 71;
    pub(in crate::faces) const EOPNOTSUPP: i32 = 95;
}

/// A request's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: u32,
    pub(super) unique: u64,
    pub(super) node: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The calling thread, in the supervisor's numbering; 0 for what nobody asked for (`RELEASE`).
    pub(super) tid: u32,
}

/// Takes fields from the front of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    /// The header and the rest; `None` if the bytes are too short.
    pub(super) fn request(bytes: &'a [u8]) -> Option<(Header, In<'a>)> {
        let (header, rest) = bytes.split_at_checked(IN_HEADER)?;
        let mut fields = In(header);
        let _length = fields.u32()?;
        let opcode = fields.u32()?;
        let (unique, node) = (fields.u64()?, fields.u64()?);
        let (uid, gid, tid) = (fields.u32()?, fields.u32()?, fields.u32()?);
        Some((Header { opcode, unique, node, uid, gid, tid }, In(rest)))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*head))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_ne_bytes(*head))
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: u32) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(head)
    }

    /// A name up to and with its zero byte; `None` also for names that are no text, which no tree of ours has.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|b| *b == 0)?;
        let (name, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        std::str::from_utf8(name).ok()
    }
}

/// Collects the fields of a reply.
#[derive(Debug, Default, Clone)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    pub(super) fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len().saturating_add(count), 0);
        self
    }
}

/// The header of a reply whose body has `length` bytes; `error` is 0, a positive errno, or with `unique` 0 a notification.
pub(super) fn out_header(unique: u64, error: i32, length: usize) -> Vec<u8> {
    let length = u32::try_from(length.saturating_add(OUT_HEADER)).unwrap_or(u32::MAX);
    let error = if unique == 0 { error } else { error.saturating_neg() };
    Out::default().u32(length).u32(error.cast_unsigned()).u64(unique).0
}

/// One `struct fuse_dirent`, padded; `next` is the offset of the entry after it.
pub(super) fn dirent(out: &mut Vec<u8>, node: u64, next: u64, mode: u32, name: &str) {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    out.extend(Out::default().u64(node).u64(next).u32(length).u32(mode >> 12).0);
    out.extend(name.as_bytes());
    out.resize(out.len().next_multiple_of(8), 0);
}

/// The length that [`dirent`] adds.
pub(super) fn dirent_length(name: &str) -> usize {
    24_usize.saturating_add(name.len()).next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let out = Out::default().u32(47).u32(op::LOOKUP).u64(9).u64(1).u32(10).u32(11).u32(12).u32(0);
        let mut bytes = out.0;
        bytes.extend(b"proc\0xx");
        let (header, mut rest) = In::request(&bytes).unwrap();
        assert_eq!(header, Header { opcode: 1, unique: 9, node: 1, uid: 10, gid: 11, tid: 12 });
        assert_eq!(rest.name(), Some("proc"));
        assert_eq!(rest.bytes(2), Some(&b"xx"[..]));
        assert_eq!((rest.u32(), rest.name(), rest.bytes(1), rest.skip(1)), (None, None, None, None));
        assert!(In::request(&bytes[..39]).is_none());
    }

    #[test]
    fn errors_are_negative_and_notifications_are_not() {
        assert_eq!(out_header(5, 2, 0), [16, 0, 0, 0, 254, 255, 255, 255, 5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(out_header(0, NOTIFY_POLL, 8)[..8], [24, 0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn directory_entries_are_padded() {
        let mut out = Vec::new();
        dirent(&mut out, 1, 2, 0o040_755, "abc");
        assert_eq!((out.len(), dirent_length("abc")), (32, 32));
        assert_eq!(out[20], 4, "DT_DIR");
    }
}
