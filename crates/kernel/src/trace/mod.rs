//! The trace: what code writes there by itself, and the file that shows it. Counterpart: kernel/trace/trace.c,
//! trace_output.c, trace_printk.c.
//!
//! DIFFERS: there is one buffer for all CPUs, and no tracer and no events; a message is formatted when it is written.

pub mod printk;

use crate::fs::{Ctx, Tree, writable};
use crate::module::Module;
use crate::{fault, log, sched};
use kabi::Errno;
use machine::task;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of text that are kept: as much as Linux's buffer of one CPU has.
const ROOM: usize = 1408 << 10;
/// Longest message (`TRACE_BUF_SIZE`).
const LONGEST: usize = 1024;
/// `O_APPEND`
const APPEND: u32 = 0o2000;

/// A message.
struct Entry {
    comm: String,
    pid: u32,
    cpu: usize,
    /// Interrupts, rescheduling, interrupt context, depths: a character each.
    state: [char; 5],
    time: Duration,
    ip: u64,
    text: Vec<u8>,
}

#[derive(Default)]
struct Buffer {
    entries: VecDeque<Entry>,
    bytes: usize,
    written: u64,
}

static BUFFER: Mutex<Buffer> = Mutex::new(Buffer { entries: VecDeque::new(), bytes: 0, written: 0 });

fn buffer() -> MutexGuard<'static, Buffer> {
    BUFFER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a message of the code at `ip`; how many bytes are kept of it.
fn write(ip: u64, mut text: Vec<u8>) -> usize {
    text.truncate(LONGEST);
    let len = text.len();
    let caller = sched::caller();
    let entry = Entry {
        comm: caller.comm,
        pid: caller.tid,
        cpu: task::current_cpu().unwrap_or(0),
        state: state(),
        time: log::since_boot(),
        ip,
        text,
    };
    let mut buffer = buffer();
    buffer.bytes += len;
    buffer.written += 1;
    buffer.entries.push_back(entry);
    while buffer.bytes > ROOM {
        let Some(oldest) = buffer.entries.pop_front() else { break };
        buffer.bytes -= oldest.text.len();
    }
    len
}

/// What a task is in the middle of, as `trace_print_lat_fmt` shows it.
fn state() -> [char; 5] {
    let count = sched::preempt_count();
    let (softirq, halves, hardirq) = (count & 0x100 != 0, count & 0xfe00 != 0, count & 0xf_0000 != 0);
    let irqs = match (sched::irqs_off(), halves) {
        (true, true) => 'D',
        (true, false) => 'd',
        (false, true) => 'b',
        (false, false) => '.',
    };
    let context = match (hardirq, softirq) {
        (true, true) => 'H',
        (true, false) => 'h',
        (false, true) => 's',
        (false, false) => '.',
    };
    let depth = char::from_digit((count & 0xff).min(15), 16).filter(|c| *c != '0').unwrap_or('.');
    [irqs, '.', context, depth, '.']
}

impl Entry {
    fn line(&self, out: &mut Vec<u8>) {
        let state: String = self.state.iter().collect();
        let (seconds, micros) = (self.time.as_secs(), self.time.subsec_micros());
        // A function that is gone has only its address.
        let place = fault::symbolize(self.ip).map_or_else(|| format!("0x{:08x}", self.ip), |symbol| symbol.name);
        let (comm, pid, cpu) = (&self.comm, self.pid, self.cpu);
        out.extend(format!("{comm:>16}-{pid:<7} [{cpu:03}] {state} {seconds:>5}.{micros:06}: {place}: ").bytes());
        out.extend(&self.text);
    }
}

const LEGEND: &str = "\
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
";

/// The contents of `trace`.
fn show() -> Vec<u8> {
    let buffer = buffer();
    let (kept, written, cpus) = (buffer.entries.len(), buffer.written, machine::cpu::count());
    let head = format!("# tracer: nop\n#\n# entries-in-buffer/entries-written: {kept}/{written}   #P:{cpus}\n{LEGEND}");
    let mut out = head.into_bytes();
    buffer.entries.iter().for_each(|entry| entry.line(&mut out));
    out
}

/// Makes the file `trace`, which whoever writes to it without appending empties.
///
/// # Errors
/// As [`Tree::add`].
pub fn register(tree: &Tree) -> Result<(), Errno> {
    let store = |ctx: &Ctx<'_>, data: &[u8]| {
        if ctx.flags & APPEND == 0 {
            *buffer() = Buffer::default();
        }
        Ok(data.len())
    };
    tree.add(crate::fs::sys::tracefs(tree)?, "trace", writable(0o640, |_| Ok(show()), store))?.keep();
    Ok(())
}

const NOTICE: [&str; 13] = [
    "**********************************************************",
    "**   NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE   **",
    "**                                                      **",
    "** trace_printk() being used. Allocating extra memory.  **",
    "**                                                      **",
    "** This means that this is a DEBUG kernel and it is     **",
    "** unsafe for production use.                           **",
    "**                                                      **",
    "** If you see this message and you are not debugging    **",
    "** the kernel, report this immediately to your vendor!  **",
    "**                                                      **",
    "**   NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE   **",
    "**********************************************************",
];

/// A module comes: the first one that has messages for the trace is a reason for a notice (`trace_printk_init_buffers`).
pub fn module_coming(module: &Module) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let has = module.image().section("__trace_printk_fmt").is_some_and(|section| section.size > 0);
    if has && !TOLD.swap(true, Ordering::Relaxed) {
        log::line(4, "");
        NOTICE.iter().for_each(|line| log::line(4, line));
    }
}
