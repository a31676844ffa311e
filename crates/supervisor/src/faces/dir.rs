//! Directories: a listing is taken when one is opened and read from there.

use super::abi::{Header, In, Out, dirent, dirent_length, errno};
use super::attr::{S_IFDIR, S_IFLNK, static_type, type_of};
use super::node::Node;
use super::plan::Entry;
use super::session::{Reply, Session, Step};
use crate::link::lock;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use wire::{Answer, Call, DirEntry, VfsCall, VfsReply};

/// Length of `struct fuse_entry_out`.
const ENTRY_OUT: usize = 128;

/// A line of a listing.
#[derive(Debug)]
struct Line {
    name: String,
    number: u64,
    mode: u32,
}

/// All open directories.
#[derive(Debug, Default)]
pub(super) struct Listings(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: HashMap<u64, Arc<Vec<Line>>>,
}

impl Listings {
    fn add(&self, lines: Vec<Line>) -> u64 {
        let mut listings = lock(&self.0);
        listings.last = listings.last.wrapping_add(1);
        let handle = listings.last;
        listings.open.insert(handle, Arc::new(lines));
        handle
    }

    fn get(&self, handle: u64) -> Option<Arc<Vec<Line>>> {
        lock(&self.0).open.get(&handle).cloned()
    }
}

impl Session {
    pub(super) fn open_dir(self: &Arc<Self>, header: Header) -> Step {
        match Node::from_number(header.node) {
            Some(Node::Instance(node)) => {
                self.forward(header, Self::light_caller(header), VfsCall::ReadDir { node }, move |session, reply| {
                    let VfsReply::Dir(list) = reply else { return Err(errno::EIO) };
                    let mut lines = dots(header.node);
                    lines.extend(list.into_iter().filter_map(own_line));
                    Ok(opened(session.listings.add(lines)))
                })
            }
            Some(Node::Static(index)) => match self.plan.nodes.get(index) {
                Some(entry @ Entry::Dir { .. }) => {
                    let lines = self.merged_listing(header.node, entry);
                    Step::Reply(Ok(opened(self.listings.add(lines))))
                }
                // A placeholder directory that nothing covers.
                Some(Entry::Host { is_dir: true, .. }) => Step::Reply(Ok(opened(self.listings.add(dots(header.node))))),
                _ => Step::Reply(Err(errno::ENOTDIR)),
            },
            _ => Step::Reply(Err(errno::ENOTDIR)),
        }
    }

    fn merged_listing(&self, number: u64, entry: &Entry) -> Vec<Line> {
        let Entry::Dir { children, own, processes } = entry else { return Vec::new() };
        let mut lines = dots(number);
        for (name, index) in children {
            let Some(child) = self.plan.nodes.get(*index) else { continue };
            let hidden = matches!(child, Entry::Host { listed: false, .. });
            if let (false, Some(number)) = (hidden, Node::Static(*index).number()) {
                lines.push(Line { name: name.clone(), number, mode: static_type(child) });
            }
        }
        if let Some(node) = own.as_ref().and_then(|own| self.own_node(own)) {
            let call = Call::Vfs(VfsCall::ReadDir { node });
            if let Ok(Answer::Vfs(VfsReply::Dir(list))) = self.link.call(wire::kernel_caller(), call, &[]) {
                lines.extend(
                    list.into_iter()
                        .filter(|e| e.name != wire::NODES && !children.contains_key(&e.name))
                        .filter_map(own_line),
                );
            }
        }
        if *processes {
            lines.extend(self.processes());
        }
        lines
    }

    fn processes(&self) -> Vec<Line> {
        use rustix::fs::{Dir, Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Some(Ok(dir)) = self.proc.get().map(|root| rustix::fs::openat(root, ".", flags, Mode::empty())) else {
            return Vec::new();
        };
        let Ok(dir) = Dir::new(dir) else { return Vec::new() };
        let pids: BTreeSet<u32> = dir.flatten().filter_map(|e| e.file_name().to_str().ok()?.parse().ok()).collect();
        let line =
            |pid: u32| Line { name: pid.to_string(), number: Node::Process(pid).number().unwrap_or(0), mode: S_IFLNK };
        pids.into_iter().map(line).collect()
    }

    /// `READDIR`, or `READDIRPLUS`: every line with what a lookup would tell, for the nodes that never change. That saves
    /// a lookup for each of them when init binds the host's files.
    pub(super) fn read_dir(&self, mut body: In<'_>, plus: bool) -> Option<Reply> {
        let (handle, offset, size) = (body.u64()?, body.u64()?, body.u32()?);
        let Some(lines) = self.listings.get(handle) else { return Some(Err(errno::EBADF)) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let extra = if plus { ENTRY_OUT } else { 0 };
        let mut out = Vec::new();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        for (line, next) in lines.iter().zip(1_u64..).skip(start) {
            if out.len().saturating_add(extra).saturating_add(dirent_length(&line.name)) > size {
                break;
            }
            if plus {
                let dots = line.name == "." || line.name == "..";
                match Node::from_number(line.number) {
                    Some(node @ Node::Static(_)) if !dots => {
                        out.extend(self.fixed_entry(node).unwrap_or_else(|_| vec![0; ENTRY_OUT]))
                    }
                    // Node 0: look it up if you want to know.
                    _ => out.extend([0; ENTRY_OUT]),
                }
            }
            dirent(&mut out, line.number, next, line.mode, &line.name);
        }
        Some(Ok(out))
    }

    pub(super) fn release_dir(&self, mut body: In<'_>) -> Option<Reply> {
        let handle = body.u64()?;
        lock(&self.listings.0).open.remove(&handle);
        Some(Ok(Vec::new()))
    }
}

fn dots(number: u64) -> Vec<Line> {
    [".", ".."].map(|name| Line { name: name.into(), number, mode: S_IFDIR }).into()
}

fn own_line(entry: DirEntry) -> Option<Line> {
    let number = Node::Instance(entry.node).number()?;
    Some(Line { name: entry.name, number, mode: type_of(entry.kind) })
}

/// `struct fuse_open_out`.
fn opened(handle: u64) -> Vec<u8> {
    Out::default().u64(handle).zeros(8).0
}
