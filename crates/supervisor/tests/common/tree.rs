//! The mock's file trees.

use super::{EBADF, EINVAL, ENOENT, Mock, device};
use wire::{
    Answer, Attr, Caller, DirEntry, Entry, Event, FileKind, NodeId, ROOT_DEV, ROOT_PROC, ROOT_SYS, VfsCall, VfsReply,
};

const EAGAIN: i32 = 11;
const ENOTDIR: i32 = 20;
const O_NONBLOCK: u32 = 0o4000;
const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;

/// Static part: (node, parent, name, kind). Modules add directories from node 1000 on.
const NODES: &[(NodeId, NodeId, &str, FileKind)] = &[
    (10, ROOT_PROC, "modules", FileKind::File),
    (11, ROOT_PROC, "caller", FileKind::File),
    (12, ROOT_PROC, "sleep", FileKind::File),
    (13, ROOT_PROC, "echo", FileKind::File),
    (14, ROOT_PROC, "big", FileKind::File),
    (15, ROOT_PROC, "oops", FileKind::File),
    (16, ROOT_PROC, "sys", FileKind::Dir),
    (17, 16, "kernel", FileKind::Dir),
    (18, 17, "tainted", FileKind::File),
    (20, ROOT_SYS, "module", FileKind::Dir),
    (21, ROOT_SYS, "kernel", FileKind::Dir),
    (22, 21, "debug", FileKind::Dir),
    (23, 22, "value", FileKind::File),
    (30, ROOT_DEV, "echo0", FileKind::CharDevice),
    (device::SLATE, ROOT_DEV, "slate", FileKind::CharDevice),
];

const MODULE_FILES: &[(&str, FileKind)] = &[
    ("", FileKind::Dir),
    ("initstate", FileKind::File),
    ("coresize", FileKind::File),
    ("holders", FileKind::Dir),
    ("self", FileKind::Symlink),
    ("refcnt", FileKind::File),
];

fn all(mock: &Mock) -> Vec<(NodeId, NodeId, String, FileKind)> {
    let mut all: Vec<_> = NODES.iter().map(|(n, p, name, kind)| (*n, *p, (*name).to_owned(), *kind)).collect();
    for (index, module) in mock.state.lock().unwrap().modules.keys().enumerate() {
        let base = 1000 + 100 * index as u64;
        all.push((base, 20, module.clone(), FileKind::Dir));
        for (at, (name, kind)) in MODULE_FILES.iter().enumerate().skip(1) {
            all.push((base + at as u64, base, (*name).to_owned(), *kind));
        }
    }
    all.extend(
        mock.state.lock().unwrap().devices.made.iter().map(|(n, (p, name, kind))| (*n, *p, name.clone(), *kind)),
    );
    all
}

pub fn attr(node: NodeId, kind: FileKind) -> Attr {
    let mode = if kind == FileKind::Dir { 0o755 } else { 0o644 };
    let rdev = if kind == FileKind::CharDevice { rustix::fs::makedev(240, node as u32) } else { 0 };
    Attr { node, kind, mode, uid: 0, gid: 0, size: 0, nlink: 1, rdev, mtime_s: 1_000_000_000, blksize: 4096 }
}

pub fn serve(mock: &Mock, id: u64, caller: &Caller, call: VfsCall) -> Answer {
    let result = match call {
        VfsCall::Lookup { parent, name } => all(mock)
            .into_iter()
            .find(|(_, p, n, _)| *p == parent && *n == name)
            .map(|(node, _, _, kind)| VfsReply::Entry(Entry { attr: attr(node, kind), valid_ms: 0 }))
            .ok_or(ENOENT),
        VfsCall::GetAttr { node: node @ (ROOT_PROC | ROOT_SYS | ROOT_DEV) } => {
            Ok(VfsReply::Attr(attr(node, FileKind::Dir)))
        }
        VfsCall::GetAttr { node } | VfsCall::SetAttr { node, .. } => all(mock)
            .into_iter()
            .find(|(n, ..)| *n == node)
            .map(|(n, _, _, kind)| VfsReply::Attr(attr(n, kind)))
            .ok_or(ENOENT),
        VfsCall::ReadDir { node } => read_dir(mock, node),
        VfsCall::ReadLink { node } if node >= 1000 => Ok(VfsReply::Link("initstate".into())),
        VfsCall::ReadLink { node } => {
            mock.state.lock().unwrap().devices.links.get(&node).map(|to| VfsReply::Link(to.clone())).ok_or(EINVAL)
        }
        VfsCall::Open { node, .. } => Ok(open(mock, node)),
        VfsCall::Seek { .. }
        | VfsCall::ReadAt { .. }
        | VfsCall::WriteAt { .. }
        | VfsCall::Ioctl { .. }
        | VfsCall::MakeNode { .. }
        | VfsCall::Make { .. }
        | VfsCall::Remove { .. }
        | VfsCall::Rename { .. } => device::serve(mock, id, caller, call),
        VfsCall::Read { handle, offset, size, flags } => return read(mock, id, caller, (handle, offset, size, flags)),
        VfsCall::Write { handle, data, .. } => write(mock, handle, data),
        VfsCall::Release { handle } => {
            let mut state = mock.state.lock().unwrap();
            state.releases += 1;
            state.handles.remove(&handle).map(|_| VfsReply::Done).ok_or(EBADF)
        }
        VfsCall::Poll { handle, notify } => {
            let mut state = mock.state.lock().unwrap();
            if notify {
                state.pollers.push(handle);
            }
            Ok(VfsReply::Poll(POLLOUT | if state.echo.is_empty() { 0 } else { POLLIN }))
        }
        // Not what a device would say: the test sees that it was asked.
        VfsCall::BadBuffer { buffer, size, write, .. } => {
            Ok(VfsReply::Value(i64::from(size) * 100 + buffer as i64 * 10 + i64::from(write)))
        }
        VfsCall::Interrupt { .. } => Ok(VfsReply::Done),
    };
    result.map_or_else(Answer::Errno, Answer::Vfs)
}

fn read_dir(mock: &Mock, node: NodeId) -> Result<VfsReply, i32> {
    let all = all(mock);
    if all.iter().any(|(n, _, _, kind)| *n == node && *kind != FileKind::Dir) {
        return Err(ENOTDIR);
    }
    let list = all.into_iter().filter(|(_, p, ..)| *p == node);
    Ok(VfsReply::Dir(list.map(|(node, _, name, kind)| DirEntry { name, node, kind }).collect()))
}

fn open(mock: &Mock, node: NodeId) -> VfsReply {
    let mut state = mock.state.lock().unwrap();
    state.last_handle += 1;
    let handle = state.last_handle;
    state.handles.insert(handle, node);
    VfsReply::Opened { handle, direct_io: true, stream: matches!(node, 13 | 30 | device::SLATE) }
}

fn read(mock: &Mock, id: u64, caller: &Caller, (handle, offset, size, flags): (u64, u64, u32, u32)) -> Answer {
    let Some(node) = mock.state.lock().unwrap().handles.get(&handle).copied() else { return Answer::Errno(EBADF) };
    let text = match node {
        10 => mock.modules(),
        11 => format!("{caller:?}\n"),
        12 => return mock.sleep(id),
        device::SLATE => return device::read(mock, handle, None, size),
        13 | 30 => return read_echo(mock, id, size, flags),
        14 => "0123456789abcde\n".repeat(65536),
        15 => return Answer::Killed { signal: 9 },
        18 => "4096\n".into(),
        23 => "23\n".into(),
        n if n % 100 == 1 => "live\n".into(),
        n if n % 100 == 5 => "0\n".into(),
        n if n % 100 == 2 => "16384\n".into(),
        _ => return Answer::Errno(EINVAL),
    };
    let bytes = text.into_bytes().into_iter().skip(offset as usize).take(size as usize).collect();
    Answer::Vfs(VfsReply::Data(bytes))
}

/// What was written last, once; waits for it unless the file is non-blocking.
fn read_echo(mock: &Mock, id: u64, size: u32, flags: u32) -> Answer {
    let state = mock.state.lock().unwrap();
    if state.echo.is_empty() && flags & O_NONBLOCK != 0 {
        return Answer::Errno(EAGAIN);
    }
    let mut state = mock.changed.wait_while(state, |s| s.echo.is_empty() && !s.interrupted.contains(&id)).unwrap();
    if state.echo.is_empty() {
        return Answer::Errno(super::EINTR);
    }
    let take = state.echo.len().min(size as usize);
    Answer::Vfs(VfsReply::Data(state.echo.drain(..take).collect()))
}

fn write(mock: &Mock, handle: u64, data: Vec<u8>) -> Result<VfsReply, i32> {
    let mut state = mock.state.lock().unwrap();
    let node = *state.handles.get(&handle).ok_or(EBADF)?;
    if node == device::SLATE {
        drop(state);
        return device::write(mock, handle, None, &data);
    }
    let written = data.len() as u32;
    state.echo.extend(data);
    let pollers = std::mem::take(&mut state.pollers);
    drop(state);
    mock.changed.notify_all();
    for handle in pollers {
        mock.event(Event::PollWakeup { handle });
    }
    Ok(VfsReply::Written(written))
}
