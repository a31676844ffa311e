//! Whole reports: oops, warning, lockup, panic, `dump_stack`.
//!
//! Kernel counterparts: `__die`, `oops_end` of arch/x86/kernel/dumpstack.c; `page_fault_oops` and `show_fault_oops` of
//! arch/x86/mm/fault.c; `__warn`, `panic` of kernel/panic.c; `watchdog_timer_fn` of kernel/watchdog.c; `make_task_dead`
//! of kernel/exit.c.

use super::body::{Subject, Writer};
use super::taint::bit;
use super::unwind::Start;
use super::world::{Level, Line, World, describe, describe_return};
use machine::Regs;

/// Signal that ends a task after a page fault.
pub const SIGKILL: i32 = 9;
/// Signal that ends a task after any other oops.
pub const SIGSEGV: i32 = 11;
const PAGE: u64 = 4096;
/// One past the highest address of a process: lkm maps nothing above, and the host does not tell whether it does.
const TASK_SIZE: u64 = 0x7fff_ffff_f000;
const CUT_HERE: &str = "------------[ cut here ]------------";

/// Bits of a page fault's error code.
mod code {
    pub(super) const PRESENT: u64 = 1;
    pub(super) const WRITE: u64 = 2;
    pub(super) const FETCH: u64 = 16;
}

/// What follows a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The module goes on with the registers as they are now.
    Resume,
    /// The task ends as if by this signal.
    Die {
        /// The signal.
        signal: i32,
        /// Interrupts were off when it ended ([`exit_notes`]).
        irqs_disabled: bool,
    },
    /// The instance stops; the lines say so already.
    Panic(String),
}

/// A report and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Lines for the log, in order.
    pub lines: Vec<Line>,
    /// Taint bits to add, after the lines are logged.
    pub taint: u64,
    /// The console shows everything from before the first line on (`console_verbose`).
    pub verbose: bool,
    /// What follows.
    pub next: Next,
}

impl Report {
    /// Nothing to say: the module goes on.
    pub fn silent() -> Report {
        Report { lines: Vec::new(), taint: 0, verbose: false, next: Next::Resume }
    }
}

/// The header of an oops.
#[derive(Debug, Clone)]
pub(super) struct Die {
    /// Lines before it.
    pub(super) before: Vec<Line>,
    /// The trap's name.
    pub(super) name: String,
    /// The error code it shows.
    pub(super) code: u64,
    /// Address of the line `CR2:` at the end, if it has one.
    pub(super) cr2: Option<u64>,
    pub(super) signal: i32,
    /// The trap came by an interrupt that nothing can mask: dying in it panics.
    pub(super) unmaskable: bool,
}

/// What reports remember of those before: one for an instance, locked while a report is made.
#[derive(Debug, Clone, Default)]
pub struct Reporter {
    count: u32,
    first: Option<Subject>,
    unchecked_read: bool,
    unchecked_write: bool,
    user_access: bool,
}

/// A warning that is not from a trap.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Source file.
    pub file: Option<&'a str>,
    /// Line in it.
    pub line: u32,
    /// Address of the code that warns.
    pub ip: u64,
    /// Number of the taint bit to set.
    pub taint: u32,
}

impl Reporter {
    /// The number of oopses so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn die(&mut self, mut w: Writer, subject: &Subject, start: Start, die: Die) -> Report {
        w.lines.extend(die.before);
        let oops = if w.facts.version >= (6, 10) { "Oops: " } else { "" };
        self.count = self.count.saturating_add(1);
        let number = self.count;
        let space = if w.facts.features.is_empty() { "" } else { " " };
        let header = format!("{oops}{}: {:04x} [#{number}]{space}{}", die.name, die.code & 0xffff, w.facts.features);
        w.put(Level::Default, header);
        w.body(subject, start);
        w.modules();
        if let Some(cr2) = die.cr2 {
            w.put(Level::Default, format!("CR2: {:016x}", w.world.shown(cr2)));
        }
        w.end_marker();
        let first = self.first.get_or_insert_with(|| subject.clone()).clone();
        // CR2 is read anew: it is that of the last fault.
        w.registers(&Subject { cr2: subject.cr2, ..first });
        let panic = if w.facts.in_interrupt || die.unmaskable {
            Some("Fatal exception in interrupt")
        } else {
            w.facts.policy.panic_on_oops.then_some("Fatal exception")
        };
        let next = match panic {
            Some(message) => {
                w.panic(message, None);
                Next::Panic(message.to_string())
            }
            None => Next::Die { signal: die.signal, irqs_disabled: die.cr2.is_some() },
        };
        Report { lines: w.lines, taint: 1 << bit::DIE, verbose: true, next }
    }

    /// A warning about `place` with registers, and where the trace starts. `cut_here`: the report begins here, not with a
    /// message that was printed before.
    pub(super) fn warn(&self, mut w: Writer, place: Place, subject: &Subject, start: Start, cut_here: bool) -> Report {
        if cut_here {
            w.put(Level::Default, CUT_HERE);
        }
        let at = place.file.map(|file| format!("{file}:{} ", place.line)).unwrap_or_default();
        let (cpu, pid) = (w.facts.cpu, w.facts.pid);
        let code = describe(w.world, place.ip);
        w.put(Level::Warning, format!("WARNING: CPU: {cpu} PID: {pid} at {at}{code}"));
        w.modules();
        w.body(subject, start);
        let taint = 1u64.checked_shl(place.taint).unwrap_or(0);
        if w.facts.policy.panic_on_warn {
            let message = "kernel: panic_on_warn set ...";
            w.panic(message, Some(start));
            return Report { lines: w.lines, taint, verbose: true, next: Next::Panic(message.to_string()) };
        }
        w.end_marker();
        Report { lines: w.lines, taint, verbose: false, next: Next::Resume }
    }

    /// A warning of one of lkm's functions that the module called: `warn_slowpath_fmt`, or a WARN inside the function.
    /// `message` is the text of the warning, which comes before the report. The registers are those at the function's entry as
    /// far as they are known.
    pub fn warn_call(&self, world: &dyn World, place: Place, message: Option<&str>) -> Report {
        let mut w = Writer::new(world, None);
        if let Some(message) = message {
            w.put(Level::Warning, CUT_HERE);
            let text = message.strip_suffix('\n').unwrap_or(message);
            w.lines.extend(text.split('\n').map(|line| Line::new(Level::Default, line)));
        }
        let subject = Subject { place: None, ..at_entry(world, place.ip, "", 0) };
        self.warn(w, place, &subject, Start::Border, message.is_none())
    }

    /// A fault inside of one of lkm's functions, at an address that the module gave it. The registers are those at the
    /// function's entry as far as they are known: `function` is the address of its stub, `name` its name.
    pub fn kernel_fault(&mut self, world: &dyn World, function: u64, name: &str, addr: u64, write: bool) -> Report {
        let w = Writer::new(world, None);
        let code = if write { code::WRITE } else { 0 } | if readable(world, addr) { code::PRESENT } else { 0 };
        let die = page_fault(&w, code, addr);
        self.die(w, &at_entry(world, function, name, addr), Start::Border, die)
    }

    /// One of lkm's functions cannot go on for another reason than an address, and C has no way to say so.
    pub fn bad_call(&mut self, world: &dyn World, function: u64, name: &str, cause: &str) -> Report {
        let before = vec![Line::new(Level::Alert, format!("BUG: {name}: {cause}"))];
        let die = Die { before, name: "Oops".to_string(), code: 0, cr2: None, signal: SIGKILL, unmaskable: false };
        self.die(Writer::new(world, None), &at_entry(world, function, name, 0), Start::Border, die)
    }

    /// A `BUG()` of one of the kernel's own functions, at the link address `ip` and this place in its source.
    pub fn bug_call(&mut self, world: &dyn World, function: &str, ip: u64, place: (&str, u32)) -> Report {
        let before = vec![
            Line::new(Level::Warning, CUT_HERE),
            Line::new(Level::Crit, format!("kernel BUG at {}:{}!", place.0, place.1)),
        ];
        let name = "invalid opcode".to_string();
        let die = Die { before, name, code: 0, cr2: None, signal: SIGSEGV, unmaskable: false };
        self.die(Writer::new(world, None), &at_entry(world, ip, function, 0), Start::Border, die)
    }

    pub(super) fn warn_once(&mut self, kind: Once) -> bool {
        let flag = match kind {
            Once::UncheckedRead => &mut self.unchecked_read,
            Once::UncheckedWrite => &mut self.unchecked_write,
            Once::UserAccess => &mut self.user_access,
        };
        !std::mem::replace(flag, true)
    }
}

/// Warnings of the kernel that come only once.
#[derive(Debug, Clone, Copy)]
pub(super) enum Once {
    UncheckedRead,
    UncheckedWrite,
    UserAccess,
}

/// The registers at the entry of one of lkm's functions, as far as they are known.
fn at_entry(world: &dyn World, function: u64, name: &str, cr2: u64) -> Subject {
    let border = world.stretches().first().map_or(0, |stretch| stretch.border);
    let bp = world.read_u64(border).unwrap_or(0);
    let sp = border.wrapping_add(8);
    let regs = Regs { ip: function, sp, bp, cs: 0x10, ss: 0x18, flags: 0x246, orig_ax: u64::MAX, ..Regs::default() };
    let place = world.symbol(function).is_none().then(|| format!("{name}+0x0/0x0"));
    Subject { regs, cr2, place }
}

fn readable(world: &dyn World, addr: u64) -> bool {
    addr < TASK_SIZE && world.read_bytes(addr, &mut [0])
}

/// The lines before a page fault's oops, and its header.
pub(super) fn page_fault(w: &Writer, error: u64, addr: u64) -> Die {
    // For the upper half the host always says that there is a page.
    let error = if addr >= TASK_SIZE { error & !code::PRESENT } else { error };
    let mut before = Vec::new();
    let mut put = |level, text: String| before.push(Line::new(level, text));
    if error & (code::FETCH | code::PRESENT) == code::FETCH | code::PRESENT {
        let uid = w.facts.uid;
        put(Level::Crit, format!("kernel tried to execute NX-protected page - exploit attempt? (uid: {uid})"));
    }
    let what = match w.world.missing(addr) {
        Some(missing) if missing.variable => {
            let access = if error & code::WRITE != 0 { "write to" } else { "read of" };
            format!("BUG: {access} a kernel variable that lkm does not provide: {}", missing.name)
        }
        _ if addr < PAGE => format!("BUG: kernel NULL pointer dereference, address: {addr:016x}"),
        _ => format!("BUG: unable to handle page fault for address: {:016x}", w.world.shown(addr)),
    };
    put(Level::Alert, what);
    let access = match error {
        error if error & code::FETCH != 0 => "instruction fetch",
        error if error & code::WRITE != 0 => "write access",
        _ => "read access",
    };
    put(Level::Alert, format!("#PF: supervisor {access} in kernel mode"));
    let cause = if error & code::PRESENT == 0 { "not-present page" } else { "permissions violation" };
    put(Level::Alert, format!("#PF: error_code(0x{error:04x}) - {cause}"));
    // DIFFERS: a process cannot read page tables. Where nothing is mapped, this is what Linux shows; else no line.
    if error & code::PRESENT == 0 {
        put(Level::Info, "PGD 0 P4D 0 ".to_string());
    }
    Die { before, name: "Oops".to_string(), code: error, cr2: Some(addr), signal: SIGKILL, unmaskable: false }
}

/// `dump_stack()`, called by a module.
pub fn dump_stack(world: &dyn World) -> Vec<Line> {
    let mut w = Writer::new(world, None);
    w.task();
    w.trace(Start::Border);
    w.lines
}

/// `show_stack` of the current task: the trace alone.
pub fn show_stack(world: &dyn World) -> Vec<Line> {
    let mut w = Writer::new(world, None);
    w.trace(Start::Border);
    w.lines
}

/// `panic()`, called by a module, with its formatted message.
pub fn panic(world: &dyn World, message: &str) -> Report {
    let mut w = Writer::new(world, None);
    let start = (w.facts.tainted >> bit::DIE & 1 == 0).then_some(Start::Border);
    w.panic(message, start);
    Report { lines: w.lines, taint: 0, verbose: true, next: Next::Panic(message.trim_end_matches('\n').to_string()) }
}

/// `__stack_chk_fail()`: the module function that returns to nowhere is that of the newest call.
pub fn stack_protector(world: &dyn World) -> Report {
    let caller = world.stretches().first().and_then(|stretch| world.read_u64(stretch.border.wrapping_add(8)));
    let caller = describe_return(world, caller.unwrap_or(0));
    panic(world, &format!("stack-protector: Kernel stack is corrupted in: {caller}"))
}

/// The end of a task after an oops: what it left switched off.
pub fn exit_notes(comm: &str, pid: i32, irqs_disabled: bool, preempt_count: u32) -> Vec<Line> {
    let mut out = Vec::new();
    if irqs_disabled {
        out.push(Line::new(Level::Info, format!("note: {comm}[{pid}] exited with irqs disabled")));
    }
    if preempt_count != 0 {
        out.push(Line::new(Level::Info, format!("note: {comm}[{pid}] exited with preempt_count {preempt_count}")));
    }
    out
}
