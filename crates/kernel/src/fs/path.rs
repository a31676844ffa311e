//! Whole files by path, for the tools: `Call::ReadFile` and `Call::WriteFile`.

use super::node::Ctx;
use super::serve::{O_NONBLOCK, O_TRUNC, O_WRONLY, failure, lookup, open, read, read_link, write};
use super::tree::{Inode, Tree, root};
use kabi::errno::{EAGAIN, EFBIG, EISDIR, ELOOP, ENOENT, ENOTDIR};
use kabi::{KError, KResult};
use std::sync::Arc;
use wire::{Answer, Caller, FileKind, NodeId};

/// How many symbolic links a path may pass (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// The largest file that is read whole.
const MAX_FILE: usize = 256 << 20;
/// Bytes of one read.
const CHUNK: u32 = 1 << 17;

/// Reads a whole file; `path` is absolute, below /proc, /sys or /dev. Never waits for data: a file that has none to
/// give right now ends there.
pub fn read_file(tree: &Tree, caller: &Caller, path: &str) -> Answer {
    match read_all(tree, caller, path) {
        Ok(data) => Answer::Data(data),
        Err(e) => failure(e),
    }
}

/// Writes `data` with one write; the answer is the number of bytes taken.
pub fn write_file(tree: &Tree, caller: &Caller, path: &str, data: &[u8]) -> Answer {
    let written = || -> KResult<usize> {
        let node = walk(tree, caller, path)?;
        let flags = O_WRONLY | O_TRUNC;
        let (handle, _) = open(tree, caller, node.id, flags)?;
        let result = write(tree, &Ctx { caller, flags }, handle, 0, data);
        tree.shared.open.close(handle, caller)?;
        result
    };
    match written() {
        Ok(n) => Answer::Value(i64::try_from(n).unwrap_or(i64::MAX)),
        Err(e) => failure(e),
    }
}

fn read_all(tree: &Tree, caller: &Caller, path: &str) -> KResult<Vec<u8>> {
    let node = walk(tree, caller, path)?;
    let (handle, _) = open(tree, caller, node.id, O_NONBLOCK)?;
    let mut data = Vec::new();
    let result = loop {
        let offset = u64::try_from(data.len()).unwrap_or(u64::MAX);
        match read(tree, &Ctx { caller, flags: O_NONBLOCK }, handle, offset, CHUNK) {
            Ok(part) if part.is_empty() => break Ok(()),
            Ok(part) => data.extend_from_slice(&part),
            Err(KError::Errno(EAGAIN)) if !data.is_empty() => break Ok(()),
            Err(e) => break Err(e),
        }
        if data.len() > MAX_FILE {
            break Err(EFBIG.into());
        }
    };
    tree.shared.open.close(handle, caller)?;
    result.map(|()| data)
}

/// Follows an absolute path, symbolic links included.
pub(super) fn walk(tree: &Tree, caller: &Caller, path: &str) -> KResult<Arc<Inode>> {
    // the parts still to go, last first
    let mut rest: Vec<String> = parts(path);
    // None: at the root above /proc, /sys and /dev
    let mut at: Option<NodeId> = None;
    let mut links = 0_usize;
    if !path.starts_with('/') {
        return Err(ENOENT.into());
    }
    while let Some(part) = rest.pop() {
        let Some(dir) = at else {
            at = if part == "." || part == ".." { None } else { Some(root(&part).ok_or(ENOENT)?) };
            continue;
        };
        if part == ".." && tree.node(dir)?.parent == dir {
            at = None;
            continue;
        }
        let node = lookup(tree, caller, dir, &part)?;
        if node.content.kind() != FileKind::Symlink {
            at = Some(node.id);
            continue;
        }
        links = links.saturating_add(1);
        if links > MAX_LINKS {
            return Err(ELOOP.into());
        }
        let target = read_link(&node)?;
        if target.starts_with('/') {
            at = None;
        }
        rest.extend(parts(&target));
    }
    // the root above the trees is a directory
    let node = tree.node(at.ok_or(EISDIR)?)?;
    if path.ends_with('/') && !node.is_dir() {
        return Err(ENOTDIR.into());
    }
    Ok(node)
}

/// The parts of a path, last first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).rev().map(str::to_owned).collect()
}
