//! Memory of the calling program that is not here: the supervisor is asked for it, piece by piece.

use super::{WINDOWS, reachable};
use crate::{sched, server};
use machine::access::unwatched as access;
use std::cell::Cell;
use wire::{Ask, MAX_ASK, Told};

thread_local! {
    /// Whether addresses outside of all windows are the calling program's.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` while every address that is in no window is the calling program's memory.
pub fn with_caller<R>(work: impl FnOnce() -> R) -> R {
    let before = ASKING.replace(true);
    let result = work();
    ASKING.set(before);
    result
}

/// The calling program's memory from an address on.
pub(super) struct Remote {
    addr: u64,
}

impl Remote {
    /// `None` if the address is in a window, or nobody can be asked.
    pub(super) fn at(addr: u64) -> Option<Self> {
        let windowed = || WINDOWS.with_borrow(|windows| reachable(windows, addr, 1)) == 1;
        (ASKING.get() && !windowed()).then_some(Self { addr })
    }

    /// Up to `len` bytes; fewer where the memory ends.
    pub(super) fn read(&self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let part = self.piece(bytes.len(), len - bytes.len());
            let short = part.is_empty();
            bytes.extend(part);
            if short {
                break;
            }
        }
        bytes
    }

    /// At most `len` bytes from `offset` on, as one answer has them.
    fn piece(&self, offset: usize, len: usize) -> Vec<u8> {
        let Some(addr) = self.addr.checked_add(offset as u64) else { return Vec::new() };
        let want = len.min(MAX_ASK);
        match server::ask(sched::frame(), Ask::Read { addr, len: want as u32 }) {
            Some(Told::Data(mut data)) => {
                data.truncate(want);
                data
            }
            _ => Vec::new(),
        }
    }

    /// Puts bytes there; how many.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        for part in bytes.chunks(MAX_ASK) {
            let Some(addr) = self.addr.checked_add(done as u64) else { break };
            let put = match server::ask(sched::frame(), Ask::Write { addr, data: part.to_vec() }) {
                Some(Told::Put(put)) => (put as usize).min(part.len()),
                _ => 0,
            };
            done += put;
            if put < part.len() {
                break;
            }
        }
        done
    }

    /// Copies to memory of the kernel; how many bytes.
    pub(super) fn copy_to(&self, to: u64, len: usize) -> usize {
        let mut done = 0;
        while done < len {
            let part = self.piece(done, len - done);
            let at = to.wrapping_add(done as u64);
            let put = match access::write(at, &part) {
                Ok(()) => part.len(),
                Err(fault) => (fault.addr.saturating_sub(at) as usize).min(part.len()),
            };
            done += put;
            if put == 0 || put < part.len() {
                break;
            }
        }
        done
    }

    /// Copies from memory of the kernel; how many bytes.
    pub(super) fn copy_from(&self, from: u64, len: usize) -> usize {
        let mut done = 0;
        while done < len {
            let mut part = vec![0; (len - done).min(MAX_ASK)];
            let at = from.wrapping_add(done as u64);
            if let Err(fault) = access::read(at, &mut part) {
                part.truncate(fault.addr.saturating_sub(at) as usize);
            }
            let here = Self { addr: self.addr.wrapping_add(done as u64) };
            let put = here.write(&part);
            done += put;
            if put == 0 || put < part.len() {
                break;
            }
        }
        done
    }

    /// Makes `len` bytes this one; how many.
    pub(super) fn fill(&self, byte: u8, len: usize) -> usize {
        let mut done = 0;
        while done < len {
            let part = vec![byte; (len - done).min(MAX_ASK)];
            let put = Self { addr: self.addr.wrapping_add(done as u64) }.write(&part);
            done += put;
            if put < part.len() {
                break;
            }
        }
        done
    }

    /// The bytes before a NUL, at most `limit`; `None` if the memory ends before either.
    pub(super) fn read_str(&self, limit: usize) -> Option<Vec<u8>> {
        const PAGE: u64 = 4096;
        let mut text = Vec::new();
        while text.len() < limit {
            // To the page's end only: the next one may be missing.
            let at = self.addr.checked_add(text.len() as u64)?;
            let part = self.piece(text.len(), ((PAGE - at % PAGE) as usize).min(limit - text.len()));
            if part.is_empty() {
                return None;
            }
            match part.iter().position(|b| *b == 0) {
                Some(end) => {
                    text.extend_from_slice(&part[..end]);
                    return Some(text);
                }
                None => text.extend(part),
            }
        }
        Some(text)
    }
}
