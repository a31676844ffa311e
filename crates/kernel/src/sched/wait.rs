//! Wait queues. Counterpart: kernel/sched/wait.c, include/linux/wait.h.
//!
//! Heads and entries lie in modules, and inline code links them and looks whether a queue is empty. An entry's function
//! is called for who is woken, with the queue's lock held; those of the kernel are known here by their addresses.

use super::wakeup::{Sleeper, Wake};
use super::{TaskStruct, core, current, kthread, signal};
use crate::env;
use crate::klib::list::{init_list_head, link_behind, unlink};
use crate::locking::{irq_restore, irq_save, spinlock};
use crate::module::symbols;
use kabi::{Errno, Field, KPtr, KResult, KStr, c_int, c_long, c_uint, exports, kexport};
use std::sync::OnceLock;

exports![
    __init_waitqueue_head,
    init_wait_entry,
    add_wait_queue,
    add_wait_queue_exclusive,
    add_wait_queue_priority,
    remove_wait_queue,
    prepare_to_wait,
    prepare_to_wait_exclusive,
    prepare_to_wait_event,
    finish_wait,
    autoremove_wake_function,
    default_wake_function,
    woken_wake_function,
    wait_woken,
    __wake_up,
    __wake_up_sync,
    __wake_up_locked,
    __wake_up_locked_key,
    __wake_up_sync_key
];

/// The kernel's `struct wait_queue_head`.
#[derive(Debug)]
pub struct WaitHead;
/// The kernel's `struct wait_queue_entry`.
#[derive(Debug)]
pub struct WaitEntry;

type Head = KPtr<WaitHead>;
type Entry = KPtr<WaitEntry>;

static LOCK: Field = Field::new("wait_queue_head", "lock");
static LIST: Field = Field::new("wait_queue_head", "head");
static FLAGS: Field = Field::new("wait_queue_entry", "flags");
static PRIVATE: Field = Field::new("wait_queue_entry", "private");
static FUNCTION: Field = Field::new("wait_queue_entry", "func");
static LINK: Field = Field::new("wait_queue_entry", "entry");

/// `WQ_FLAG_EXCLUSIVE` and `WQ_FLAG_WOKEN`.
const EXCLUSIVE: u32 = 1;
const WOKEN: u32 = 2;
/// `ERESTARTSYS`.
const RESTART: Errno = Errno(512);

/// Works with the queue's lock held and interrupts off.
fn locked<R>(head: Head, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = LOCK.of(head)?.cast();
    let flags = irq_save();
    let result = spinlock::lock(lock).and_then(|()| {
        let result = work();
        spinlock::unlock(lock)?;
        result
    });
    irq_restore(flags);
    result
}

/// `WQ_FLAG_PRIORITY`: one flag before it went with 6.7.
fn priority() -> u32 {
    if env::version() >= (6, 7) { 0x10 } else { 0x20 }
}

fn next(link: KPtr) -> KResult<KPtr> {
    link.get(0).map(KPtr::new)
}

fn is_alone(link: KPtr) -> KResult<bool> {
    Ok(next(link)? == link)
}

fn entry_of(link: KPtr) -> KResult<Entry> {
    Ok(Entry::new(link.addr().wrapping_sub(LINK.offset()?)))
}

fn flags(entry: Entry) -> KResult<u32> {
    FLAGS.get(entry)
}

/// Links an entry: those who wait alone at the end, others at the start, behind those with priority.
fn enqueue(head: Head, entry: Entry) -> KResult {
    let list = LIST.of(head)?;
    let mut before = list;
    if flags(entry)? & EXCLUSIVE != 0 {
        before = KPtr::new(list.get(8)?);
    } else if flags(entry)? & priority() == 0 {
        loop {
            let link = next(before)?;
            if link == list || flags(entry_of(link)?)? & priority() == 0 {
                break;
            }
            before = link;
        }
    }
    link_behind(LINK.of(entry)?, before)
}

fn set_flags(entry: Entry, clear: u32, set: u32) -> KResult {
    FLAGS.put(entry, flags(entry)? & !clear | set)
}

/// Makes an empty queue; name and key are for lock debugging.
#[kexport(since = "2.6.31", header = "linux/wait.h")]
fn __init_waitqueue_head(head: Head, _name: Option<KStr>, _key: KPtr) -> KResult {
    LOCK.of(head)?.put(0, 0u32)?;
    init_list_head(LIST.of(head)?)
}

/// Makes an entry for the current task.
#[kexport(since = "4.13", header = "linux/wait.h")]
fn init_wait_entry(entry: Entry, flags: c_int) -> KResult {
    FLAGS.put(entry, flags)?;
    PRIVATE.put(entry, current().addr())?;
    FUNCTION.put(entry, known().0)?;
    init_list_head(LINK.of(entry)?)
}

/// [`add_wait_queue`] for lkm's own code.
///
/// # Errors
/// When the queue cannot be reached.
pub(crate) fn add(head: Head, entry: Entry) -> KResult {
    add_wait_queue(head, entry)
}

/// [`remove_wait_queue`] for lkm's own code.
///
/// # Errors
/// When the queue cannot be reached.
pub(crate) fn remove(head: Head, entry: Entry) -> KResult {
    remove_wait_queue(head, entry)
}

/// Enters an entry: all who wait so are woken.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn add_wait_queue(head: Head, entry: Entry) -> KResult {
    set_flags(entry, EXCLUSIVE, 0)?;
    locked(head, || enqueue(head, entry))
}

/// Enters an entry of which only so many are woken as a wake-up says.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn add_wait_queue_exclusive(head: Head, entry: Entry) -> KResult {
    set_flags(entry, 0, EXCLUSIVE)?;
    locked(head, || enqueue(head, entry))
}

/// Enters an entry that is woken before all others.
#[kexport(gpl, since = "5.10", header = "linux/wait.h")]
fn add_wait_queue_priority(head: Head, entry: Entry) -> KResult {
    set_flags(entry, 0, EXCLUSIVE | priority())?;
    locked(head, || link_behind(LINK.of(entry)?, LIST.of(head)?))
}

/// Takes an entry out.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn remove_wait_queue(head: Head, entry: Entry) -> KResult {
    locked(head, || unlink(LINK.of(entry)?))
}

/// Enters an entry that is not in the queue, and says that the task sleeps; whether the queue was empty.
fn prepare(head: Head, entry: Entry, state: c_int) -> KResult<bool> {
    locked(head, || {
        let was_empty = is_alone(LIST.of(head)?)?;
        let enters = is_alone(LINK.of(entry)?)?;
        if enters {
            enqueue(head, entry)?;
        }
        core::set_state(current(), state as u32)?;
        Ok(was_empty && enters)
    })
}

/// Enters an entry, if it is not in the queue, and says that the task sleeps.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn prepare_to_wait(head: Head, entry: Entry, state: c_int) -> KResult {
    set_flags(entry, EXCLUSIVE, 0)?;
    prepare(head, entry, state).map(|_| ())
}

/// [`prepare_to_wait`] for an entry that is woken alone; true if the queue was empty.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn prepare_to_wait_exclusive(head: Head, entry: Entry, state: c_int) -> KResult<bool> {
    set_flags(entry, 0, EXCLUSIVE)?;
    prepare(head, entry, state)
}

/// [`prepare_to_wait`] that does not sleep when a signal is pending.
///
/// # Errors
/// `ERESTARTSYS`.
#[kexport(since = "3.11", header = "linux/wait.h")]
fn prepare_to_wait_event(head: Head, entry: Entry, state: c_int) -> KResult<c_long> {
    if core::is_interruptible(state as u32) && signal::is_pending(current()) {
        locked(head, || unlink(LINK.of(entry)?))?;
        return Err(RESTART.into());
    }
    prepare(head, entry, state).map(|_| 0)
}

/// The task waits no more.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn finish_wait(head: Head, entry: Entry) -> KResult {
    core::set_state(current(), core::RUNNING)?;
    let link = LINK.of(entry)?;
    if is_alone(link)? { Ok(()) } else { locked(head, || unlink(link)) }
}

/// The addresses that modules know [`autoremove_wake_function`] and [`default_wake_function`] by.
fn known() -> (u64, u64) {
    static MADE: OnceLock<(u64, u64)> = OnceLock::new();
    let of = |name| symbols::address_of(name).ok().flatten().unwrap_or(0);
    *MADE.get_or_init(|| (of("autoremove_wake_function"), of("default_wake_function")))
}

/// Wakes the task of an entry if it sleeps in one of these states.
fn wake_task(entry: Entry, mode: c_uint, wakes: &mut Wakes) -> KResult<bool> {
    let task = KPtr::<TaskStruct>::new(PRIVATE.get(entry)?);
    core::wake_in(task, mode, || wakes.note(task))
}

/// Tasks that are being woken, if the waker may give way to them.
struct Wakes {
    may: bool,
    all: Vec<Wake>,
}

impl Wakes {
    /// For a waker that holds no lock yet.
    fn new() -> Self {
        Self { may: !super::in_atomic(), all: Vec::new() }
    }

    fn note(&mut self, task: KPtr<TaskStruct>) {
        if self.may {
            self.all.extend(Wake::of_any(Sleeper::task(task.addr())));
        }
    }

    fn let_run(self) {
        self.all.into_iter().for_each(Wake::let_run);
    }
}

/// Calls an entry's function: below 0, the wake-up ends; above 0, the entry was woken.
fn call(entry: Entry, mode: c_uint, flags: u64, key: u64, wakes: &mut Wakes) -> KResult<c_int> {
    let (function, (autoremove, default)) = (FUNCTION.get::<u64, _>(entry)?, known());
    if function != autoremove && function != default {
        return Ok(kabi::call(function, &[entry.addr(), mode.into(), flags, key])? as c_int);
    }
    let woken = wake_task(entry, mode, wakes)?;
    if woken && function == autoremove {
        unlink(LINK.of(entry)?)?;
    }
    Ok(woken.into())
}

/// Wakes who waits: all that do not wait alone, and `count` of those that do; 0 is all. The lock is held.
fn wake_all(head: Head, mode: c_uint, count: c_int, flags: u64, key: u64, wakes: &mut Wakes) -> KResult {
    let list = LIST.of(head)?;
    let mut link = next(list)?;
    let mut left = count;
    while link != list {
        // The function may take the entry out.
        let after = next(link)?;
        let entry = entry_of(link)?;
        let alone = self::flags(entry)? & EXCLUSIVE != 0;
        let result = call(entry, mode, flags, key, wakes)?;
        if result < 0 {
            break;
        }
        if result > 0 && alone {
            left -= 1;
            if left == 0 {
                break;
            }
        }
        link = after;
    }
    Ok(())
}

fn wake(head: Head, mode: c_uint, count: c_int, flags: u64, key: u64) -> KResult {
    let mut wakes = Wakes::new();
    locked(head, || wake_all(head, mode, count, flags, key, &mut wakes))?;
    wakes.let_run();
    Ok(())
}

/// Wakes who waits in a queue: all that do not wait alone, and so many of those that do.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn __wake_up(head: Head, mode: c_uint, count: c_int, key: KPtr) -> KResult<c_int> {
    wake(head, mode, count, 0, key.addr()).map(|()| 0)
}

/// [`__wake_up`] by who is about to sleep.
#[kexport(gpl, since = "2.6.0", header = "linux/wait.h")]
fn __wake_up_sync(head: Head, mode: c_uint) -> KResult {
    // WF_SYNC
    wake(head, mode, 1, 0x10, 0)
}

/// [`__wake_up_sync`] with a key for the entries' functions.
#[kexport(gpl, since = "2.6.30", header = "linux/wait.h")]
fn __wake_up_sync_key(head: Head, mode: c_uint, key: KPtr) -> KResult {
    wake(head, mode, 1, 0x10, key.addr())
}

/// [`__wake_up`] by who holds the queue's lock.
#[kexport(gpl, since = "2.6.0", header = "linux/wait.h")]
fn __wake_up_locked(head: Head, mode: c_uint, count: c_int) -> KResult {
    wake_all(head, mode, count, 0, 0, &mut Wakes::new())
}

/// [`__wake_up_locked`] with a key.
#[kexport(gpl, since = "2.6.30", header = "linux/wait.h")]
fn __wake_up_locked_key(head: Head, mode: c_uint, key: KPtr) -> KResult {
    wake_all(head, mode, 1, 0, key.addr(), &mut Wakes::new())
}

/// The function of most entries: wakes their task and takes them out.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn autoremove_wake_function(entry: Entry, mode: c_uint, _flags: c_int, _key: KPtr) -> KResult<c_int> {
    let woken = wake_task(entry, mode, &mut Wakes::new())?;
    if woken {
        unlink(LINK.of(entry)?)?;
    }
    Ok(woken.into())
}

/// Wakes an entry's task.
#[kexport(since = "2.6.0", header = "linux/wait.h")]
fn default_wake_function(entry: Entry, mode: c_uint, _flags: c_int, _key: KPtr) -> KResult<c_int> {
    wake_task(entry, mode, &mut Wakes::new()).map(c_int::from)
}

/// Notes that an entry was woken, for [`wait_woken`], and wakes its task.
#[kexport(since = "3.19", header = "linux/wait.h")]
fn woken_wake_function(entry: Entry, mode: c_uint, _flags: c_int, _key: KPtr) -> KResult<c_int> {
    set_flags(entry, 0, WOKEN)?;
    wake_task(entry, mode, &mut Wakes::new()).map(c_int::from)
}

/// Sleeps until an entry was woken since the last time, or the ticks are over: how many are left.
#[kexport(since = "3.19", header = "linux/wait.h")]
fn wait_woken(entry: Entry, mode: c_uint, ticks: c_long) -> KResult<c_long> {
    core::set_state(current(), mode)?;
    let mut left = ticks;
    if flags(entry)? & WOKEN == 0 && !kthread::is_asked_to_stop() {
        left = core::sleep_for(left)?;
    }
    core::set_state(current(), core::RUNNING)?;
    set_flags(entry, WOKEN, 0)?;
    Ok(left)
}
