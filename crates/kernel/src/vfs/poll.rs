//! The wait queues that a device names in its poll function. Counterpart: fs/select.c (`__pollwait`, `pollwake`).
//!
//! The device's poll function hands its queues to the function in the poll table. Each gets an entry whose function wakes
//! the program that polls; it stays until that program polls again, or closes the file.

use crate::fs::PollWaker;
use crate::module::symbols;
use crate::sched::wait::{self, WaitEntry, WaitHead};
use kabi::errno::ENOMEM;
use kabi::{Field, KPtr, KResult, c_int, c_uint, exports, kexport, size_of_struct};
use machine::heap;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

exports![__pollwait, pollwake];

/// The kernel's `struct poll_table_struct`.
#[derive(Debug)]
struct Table;

static QPROC: Field = Field::new("poll_table_struct", "_qproc");
static KEY: Field = Field::new("poll_table_struct", "_key");
static FUNCTION: Field = Field::new("wait_queue_entry", "func");

/// Entries in wait queues.
type Entries = Vec<(KPtr<WaitHead>, KPtr<WaitEntry>)>;

/// What one open file has in wait queues.
#[derive(Default)]
pub(super) struct Waits {
    table: Option<KPtr<Table>>,
    entries: Entries,
}

/// Who is woken through an entry, by its address; who asks through a table, by its.
#[derive(Default)]
struct State {
    wakers: HashMap<u64, PollWaker>,
    asking: HashMap<u64, (PollWaker, Entries)>,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The addresses under which module code knows [`__pollwait`] and [`pollwake`].
fn known() -> (u64, u64) {
    static MADE: OnceLock<(u64, u64)> = OnceLock::new();
    let of = |name| {
        let export = EXPORTS.iter().find(|export| export.names.contains(&name));
        export.and_then(|export| symbols::make_own(export).ok()).unwrap_or(0)
    };
    *MADE.get_or_init(|| (of("__pollwait"), of("pollwake")))
}

impl Waits {
    /// The poll table for one call of the device's poll function. Without a waker nobody waits.
    pub(super) fn ask(waits: &Mutex<Self>, waker: Option<PollWaker>) -> KResult<u64> {
        let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.collect();
        let table = match waits.table {
            Some(table) => table,
            None => KPtr::new(heap::alloc(size_of_struct("poll_table_struct")?).ok_or(ENOMEM)?),
        };
        waits.table = Some(table);
        KEY.put(table, c_uint::MAX)?;
        QPROC.put(table, if waker.is_some() { known().0 } else { 0 })?;
        if let Some(waker) = waker {
            waits.leave();
            state().asking.insert(table.addr(), (waker, Vec::new()));
        }
        Ok(table.addr())
    }

    /// The file is closed.
    pub(super) fn end(waits: &Mutex<Self>) {
        let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.collect();
        waits.leave();
        if let Some(table) = waits.table.take() {
            heap::free(table.addr(), size_of_struct("poll_table_struct").unwrap_or(0));
        }
    }

    /// Takes over the entries that the last question left.
    fn collect(&mut self) {
        let asked = self.table.and_then(|table| state().asking.remove(&table.addr()));
        self.entries.extend(asked.into_iter().flat_map(|(_, entries)| entries));
    }

    fn leave(&mut self) {
        for (head, entry) in self.entries.drain(..) {
            // A queue that is gone has no entry left to take out.
            let _ = wait::remove(head, entry);
            state().wakers.remove(&entry.addr());
            heap::free(entry.addr(), size_of_struct("wait_queue_entry").unwrap_or(0));
        }
    }
}

/// What `poll_wait` calls: enters a wait queue for the program that polls.
#[kexport(since = "2.6.0", header = "linux/poll.h")]
fn __pollwait(_file: KPtr, head: KPtr<WaitHead>, table: KPtr<Table>) -> KResult {
    let Some(waker) = state().asking.get(&table.addr()).map(|(waker, _)| waker.clone()) else { return Ok(()) };
    let entry = KPtr::<WaitEntry>::new(heap::alloc(size_of_struct("wait_queue_entry")?).ok_or(ENOMEM)?);
    FUNCTION.put(entry, known().1)?;
    let mut state = state();
    state.wakers.insert(entry.addr(), waker);
    if let Some((_, entries)) = state.asking.get_mut(&table.addr()) {
        entries.push((head, entry));
    }
    drop(state);
    wait::add(head, entry)
}

/// The function of such an entry.
#[kexport(since = "2.6.0", header = "linux/poll.h")]
fn pollwake(entry: KPtr<WaitEntry>, _mode: c_uint, _sync: c_int, _key: KPtr) -> c_int {
    let waker = state().wakers.get(&entry.addr()).cloned();
    waker.iter().for_each(PollWaker::wake);
    c_int::from(waker.is_some())
}
