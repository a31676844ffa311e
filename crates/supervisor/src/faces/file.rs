//! Open files of the kernel process: `OPEN`, `READ`, `WRITE`, `RELEASE`.

use super::abi::{Header, In, Out, errno};
use super::node::Node;
use super::session::{Session, Step};
use std::sync::Arc;
use wire::{VfsCall, VfsReply};

impl Session {
    pub(super) fn open(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        const DIRECT_IO: u32 = 1;
        const STREAM: u32 = 1 << 4;
        const PARALLEL_DIRECT_WRITES: u32 = 1 << 6;
        let flags = body.u32()?;
        let Some(node) = self.own(header.node) else { return Some(Step::Reply(Err(errno::EACCES))) };
        let call = VfsCall::Open { node, flags };
        Some(self.forward(header, self.caller(header), call, move |session, reply| {
            let VfsReply::Opened { handle, direct_io, stream } = reply else { return Err(errno::EIO) };
            // Without the last one a blocked read would block a write on the same descriptor.
            let mut flags = PARALLEL_DIRECT_WRITES;
            if direct_io {
                flags |= DIRECT_IO;
            }
            if stream {
                flags |= STREAM;
            }
            if let Some(Node::Twin(twin)) = Node::from_number(header.node) {
                session.twins.opened(twin, handle);
            }
            Ok(Out::default().u64(handle).u32(flags).u32(0).0)
        }))
    }

    pub(super) fn read(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        let (handle, offset, size) = (body.u64()?, body.u64()?, body.u32()?);
        body.skip(12)?;
        let flags = body.u32()?;
        let call = VfsCall::Read { handle, offset, size, flags };
        Some(self.forward(header, self.caller(header), call, move |_, reply| {
            let VfsReply::Data(mut data) = reply else { return Err(errno::EIO) };
            data.truncate(usize::try_from(size).unwrap_or(usize::MAX));
            Ok(data)
        }))
    }

    pub(super) fn write(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        let (handle, offset, size) = (body.u64()?, body.u64()?, body.u32()?);
        body.skip(12)?;
        let flags = body.u32()?;
        body.skip(4)?;
        let data = body.bytes(size)?.to_vec();
        let call = VfsCall::Write { handle, offset, data, flags };
        Some(self.forward(header, self.caller(header), call, move |_, reply| {
            let VfsReply::Written(written) = reply else { return Err(errno::EIO) };
            Ok(Out::default().u32(written.min(size)).u32(0).0)
        }))
    }

    pub(super) fn ioctl(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        const COMPAT: u32 = 1;
        let (handle, how, command, argument) = (body.u64()?, body.u32()?, body.u32()?, body.u64()?);
        let call = VfsCall::Ioctl { handle, command, argument, compat: how & COMPAT != 0 };
        Some(self.forward(header, self.caller(header), call, |_, reply| {
            let VfsReply::Value(value) = reply else { return Err(errno::EIO) };
            // The results that Linux gives back are `int`; what the call wrote is in the caller's memory already.
            Ok(Out::default().u32(value as u32).zeros(12).0)
        }))
    }

    pub(super) fn release(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        let handle = body.u64()?;
        self.closed(header.node, handle);
        let call = VfsCall::Release { handle };
        Some(self.forward(header, self.caller(header), call, |_, _| Ok(Vec::new())))
    }
}
