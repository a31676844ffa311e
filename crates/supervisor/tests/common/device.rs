//! The mock's devices: a slate of 64 bytes with a position for each open file, ioctls that reach into the caller's memory,
//! and names that programs make in /dev.

use super::tree::attr;
use super::{EEXIST, EINVAL, ENOENT, Mock};
use std::collections::BTreeMap;
use wire::{Answer, Ask, Caller, Entry, FileKind, NodeId, ROOT_DEV, Told, VfsCall, VfsReply};

pub const SLATE: NodeId = 31;
const SIZE: usize = 64;
const EPERM: i32 = 1;
const ENOTTY: i32 = 25;
const ENOSPC: i32 = 28;
const EFAULT: i32 = 14;

pub struct State {
    slate: [u8; SIZE],
    /// Of the open files.
    positions: BTreeMap<u64, usize>,
    /// Node -> (parent, name, kind).
    pub made: BTreeMap<NodeId, (NodeId, String, FileKind)>,
    pub links: BTreeMap<NodeId, String>,
}

impl Default for State {
    fn default() -> Self {
        Self { slate: [b'.'; SIZE], positions: BTreeMap::new(), made: BTreeMap::new(), links: BTreeMap::new() }
    }
}

pub fn read(mock: &Mock, handle: u64, at: Option<u64>, size: u32) -> Answer {
    let mut state = mock.state.lock().unwrap();
    let devices = &mut state.devices;
    let start = at.map_or_else(|| devices.positions.get(&handle).copied().unwrap_or(0), |at| at as usize).min(SIZE);
    let data = devices.slate[start..].iter().copied().take(size as usize).collect::<Vec<_>>();
    if at.is_none() {
        devices.positions.insert(handle, start + data.len());
    }
    Answer::Vfs(VfsReply::Data(data))
}

pub fn write(mock: &Mock, handle: u64, at: Option<u64>, data: &[u8]) -> Result<VfsReply, i32> {
    let mut state = mock.state.lock().unwrap();
    let devices = &mut state.devices;
    let start = at.map_or_else(|| devices.positions.get(&handle).copied().unwrap_or(0), |at| at as usize).min(SIZE);
    let taken = data.len().min(SIZE - start);
    if taken == 0 && !data.is_empty() {
        return Err(ENOSPC);
    }
    devices.slate[start..start + taken].copy_from_slice(&data[..taken]);
    if at.is_none() {
        devices.positions.insert(handle, start + taken);
    }
    Ok(VfsReply::Written(taken as u32))
}

pub fn serve(mock: &Mock, id: u64, caller: &Caller, call: VfsCall) -> Result<VfsReply, i32> {
    match call {
        VfsCall::Seek { handle, offset, whence } => {
            let devices = &mut mock.state.lock().unwrap().devices;
            let at = devices.positions.get(&handle).copied().unwrap_or(0) as i64;
            let base = *[0, at, SIZE as i64].get(whence as usize).ok_or(EINVAL)?;
            let to = usize::try_from(base + offset).ok().filter(|to| *to <= SIZE).ok_or(EINVAL)?;
            devices.positions.insert(handle, to);
            Ok(VfsReply::Value(to as i64))
        }
        VfsCall::ReadAt { handle, offset, size, .. } => match read(mock, handle, Some(offset), size) {
            Answer::Vfs(reply) => Ok(reply),
            _ => Err(EINVAL),
        },
        VfsCall::WriteAt { handle, offset, data, .. } => write(mock, handle, Some(offset), &data),
        VfsCall::Ioctl { command, argument, .. } => ioctl(mock, id, command, argument),
        VfsCall::MakeNode { path, kind, mode, .. } => {
            assert_eq!(mode & 0o022, 0, "the mask of the caller counts");
            make(mock, caller, ROOT_DEV, path.strip_prefix("/dev/").ok_or(ENOENT)?, kind)?;
            Ok(VfsReply::Done)
        }
        VfsCall::Make { parent, name, target, .. } => {
            let kind = if target.is_some() { FileKind::Symlink } else { FileKind::Dir };
            let node = make(mock, caller, parent, &name, kind)?;
            mock.state.lock().unwrap().devices.links.extend(target.map(|target| (node, target)));
            Ok(VfsReply::Entry(Entry { attr: attr(node, kind), valid_ms: 0 }))
        }
        VfsCall::Remove { parent, name, .. } => {
            let made = &mut mock.state.lock().unwrap().devices.made;
            let node = made.iter().find(|(_, (p, n, _))| *p == parent && *n == name).map(|(node, _)| *node);
            made.remove(&node.ok_or(ENOENT)?).map(|_| VfsReply::Done).ok_or(ENOENT)
        }
        VfsCall::Rename { parent, name, new_parent, new_name, .. } => {
            let made = &mut mock.state.lock().unwrap().devices.made;
            let found = made.values_mut().find(|(p, n, _)| *p == parent && *n == name).ok_or(ENOENT)?;
            (found.0, found.1) = (new_parent, new_name);
            Ok(VfsReply::Done)
        }
        _ => Err(EINVAL),
    }
}

fn make(mock: &Mock, caller: &Caller, parent: NodeId, name: &str, kind: FileKind) -> Result<NodeId, i32> {
    assert_eq!(caller.uid, 0, "only root inside makes names in these tests");
    let made = &mut mock.state.lock().unwrap().devices.made;
    if parent != ROOT_DEV && !made.contains_key(&parent) {
        return Err(EPERM);
    }
    if made.values().any(|(p, n, _)| *p == parent && n == name) {
        return Err(EEXIST);
    }
    // The number of the device shows which node it is.
    let node = 500 + made.keys().next_back().map_or(0, |last| last - 499);
    made.insert(node, (parent, name.to_owned(), kind));
    Ok(node)
}

/// Commands: 0x1234 gives its argument back, plus one; 0x541b (FIONREAD) puts 5 at the argument; 1 (FIBMAP) makes the text
/// upper case that the structure at the argument, {address, length}, leads to.
fn ioctl(mock: &Mock, id: u64, command: u32, argument: u64) -> Result<VfsReply, i32> {
    let read = |addr, len| match mock.ask(id, Ask::Read { addr, len }) {
        Told::Data(data) if data.len() == len as usize => Ok(data),
        _ => Err(EFAULT),
    };
    let put = |addr, data: Vec<u8>| match (data.len(), mock.ask(id, Ask::Write { addr, data })) {
        (len, Told::Put(put)) if put as usize == len => Ok(()),
        _ => Err(EFAULT),
    };
    let value = match command {
        0x1234 => argument as i64 + 1,
        0x541b => {
            put(argument, 5_u32.to_ne_bytes().to_vec())?;
            0
        }
        1 => {
            let fields = read(argument, 16)?;
            let number = |at: usize| u64::from_ne_bytes(fields[at..at + 8].try_into().unwrap());
            let (addr, len) = (number(0), number(8));
            let text = read(addr, len as u32)?;
            put(addr, text.to_ascii_uppercase())?;
            len as i64
        }
        _ => return Err(ENOTTY),
    };
    Ok(VfsReply::Value(value))
}
