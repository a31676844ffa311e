//! Reading all files, on all processors.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::elf::{Packed, Parts, Room, Source};
use super::summary::{self, Names, Summary, Wanted};
use super::{Listener, Module, message};
use crate::error::strerror;

/// More threads would wait for the disk.
const MOST_THREADS: usize = 16;

/// What a thread read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The names of needed symbols by their numbers.
    pub names: Vec<Box<[u8]>>,
    /// Which modules it read.
    pub modules: Vec<u32>,
}

/// Reads all files; the listener hears of those that cannot be read.
pub(super) fn all(modules: &mut [Module], wanted: Wanted, threads: usize, to: &mut dyn Listener) -> Vec<Batch> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS),
        threads => threads,
    };
    let next = AtomicUsize::new(0);
    let read: Vec<(Names, Vec<(usize, Summary)>)> = std::thread::scope(|scope| {
        let (modules, next) = (&*modules, &next);
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(move || some(modules, next, wanted))).collect();
        let own = some(modules, next, wanted);
        // A thread that panicked read nothing: its modules would silently have no dependencies.
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        std::iter::once(own).chain(others.collect::<Vec<_>>()).collect()
    });
    let mut batches = Vec::with_capacity(read.len());
    for (names, summaries) in read {
        let mut batch = Batch { names: names.into_list(), modules: Vec::with_capacity(summaries.len()) };
        for (at, summary) in summaries {
            if let Some(module) = modules.get_mut(at) {
                module.summary = summary;
                batch.modules.push(at as u32);
            }
        }
        batches.push(batch);
    }
    for module in modules.iter() {
        if let Some(errno) = module.summary.failed {
            let error = strerror(&std::io::Error::from_raw_os_error(errno));
            message!(to, Error, b"failed to load symbols from ", module.path, b": ", error);
        }
    }
    batches
}

/// Reads modules until none is left.
fn some(modules: &[Module], next: &AtomicUsize, wanted: Wanted) -> (Names, Vec<(usize, Summary)>) {
    let (mut names, mut read) = (Names::default(), Vec::new());
    let (mut packed, mut room) = (Packed::default(), Room::default());
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(module) = modules.get(at) else { return (names, read) };
        let path = Path::new(OsStr::from_bytes(&module.path));
        let summary = one(path, wanted, &mut names, &mut packed, &mut room);
        read.push((at, summary.unwrap_or_else(Summary::of_failed)));
    }
}

fn one(path: &Path, wanted: Wanted, names: &mut Names, packed: &mut Packed, room: &mut Room) -> Result<Summary, i32> {
    let (source, head) = Source::open(path, packed)?;
    let parts = Parts::read(&source, &head, room)?;
    Ok(summary::read(&parts, wanted, names))
}
