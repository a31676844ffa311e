//! From a trap of module code to what follows: fixup, warning, oops.
//!
//! The order is the kernel's: invalid opcodes are first looked up in the bug table; then the exception table may mend
//! the fault; then comes the oops with the trap's own header. User-copy routines and kprobes are asked before this.
//!
//! Kernel counterparts: arch/x86/kernel/traps.c, arch/x86/mm/fault.c, `report_bug` of lib/bug.c,
//! `watchdog_timer_fn` of kernel/watchdog.c.

use super::body::{Subject, Writer};
use super::bug::{self, Bug};
use super::extable::{self, Cause, Fixup, Warning};
use super::gp::{self, Hint};
use super::report::{Die, Next, Once, Place, Report, Reporter, SIGKILL, SIGSEGV, page_fault};
use super::taint::bit;
use super::unwind::Start;
use super::world::{Level, Line, World, describe_return};
use machine::{Trap, TrapKind};

const UD2: [u8; 2] = [0x0f, 0x0b];
const TRAP_FLAG: u64 = 0x100;
const GPF: &str = "general protection fault";

impl Reporter {
    /// Decides about a trap; may change `trap.regs` (to be used when it resumes). For [`TrapKind::Lockup`] see
    /// [`Reporter::soft_lockup`].
    pub fn trap(&mut self, world: &dyn World, trap: &mut Trap) -> Report {
        let w = Writer::new(world, Some(trap.stack));
        let missing = world.missing(trap.regs.ip).filter(|missing| !missing.variable);
        if let (TrapKind::InvalidOpcode, Some(missing)) = (trap.kind, missing) {
            return self.missing_function(w, trap, &missing.name);
        }
        if trap.kind == TrapKind::Debug {
            // A stray single step: the kernel clears it and goes on.
            trap.regs.flags &= !TRAP_FLAG;
            return Report::silent();
        }
        let bug = if trap.kind == TrapKind::InvalidOpcode { find_bug(world, trap.regs.ip) } else { None };
        match bug {
            Some(bug) if bug.is_warning() => self.warning(w, trap, &bug),
            bug => self.mend_or_die(w, trap, bug),
        }
    }

    /// A task that kept its CPU for `seconds`; its registers are in the trap. It goes on afterwards.
    pub fn soft_lockup(&mut self, world: &dyn World, trap: &Trap, seconds: u64) -> Report {
        let mut w = Writer::new(world, Some(trap.stack));
        let subject = subject(trap);
        let start = Start::Regs(&subject.regs);
        let f = &w.facts;
        let text = format!("watchdog: BUG: soft lockup - CPU#{} stuck for {seconds}s! [{}:{}]", f.cpu, f.comm, f.pid);
        w.put(Level::Emerg, text);
        w.modules();
        w.body(&subject, start);
        let taint = 1 << bit::SOFTLOCKUP;
        if w.facts.policy.softlockup_panic {
            let message = "softlockup: hung tasks";
            w.facts.tainted |= taint;
            w.panic(message, Some(start));
            return Report { lines: w.lines, taint, verbose: true, next: Next::Panic(message.to_string()) };
        }
        Report { lines: w.lines, taint, verbose: false, next: Next::Resume }
    }

    /// A WARN: the module goes on behind the instruction.
    fn warning(&mut self, w: Writer, trap: &mut Trap, bug: &Bug) -> Report {
        let subject = subject(trap);
        let ip = trap.regs.ip;
        trap.regs.ip = ip.wrapping_add(UD2.len() as u64);
        if bug.is_done(w.world) {
            return Report::silent();
        }
        let place = Place { file: bug.file.as_deref(), line: u32::from(bug.line), ip, taint: bug.taint() };
        self.warn(w, place, &subject, Start::Regs(&subject.regs), !bug.is_announced())
    }

    fn missing_function(&mut self, w: Writer, trap: &Trap, name: &str) -> Report {
        let text = format!("BUG: call of a kernel function that lkm does not implement: {name}");
        let mut die = plain("Oops", 0, SIGKILL);
        die.before.push(Line::new(Level::Alert, text));
        let mut subject = subject(trap);
        if w.world.symbol(trap.regs.ip).is_none() {
            subject.place = Some(format!("{name}+0x0/0x0"));
        }
        self.die(w, &subject, Start::Regs(&subject.regs), die)
    }

    fn mend_or_die(&mut self, mut w: Writer, trap: &mut Trap, bug: Option<Bug>) -> Report {
        let vector = vector(trap.kind);
        // int3 is not for the exception table.
        if trap.kind != TrapKind::Breakpoint {
            let addr = if trap.kind == TrapKind::PageFault { trap.addr } else { 0 };
            let before = subject(trap);
            match extable::fixup(w.world, w.facts.version, trap.regs, Cause { vector, addr }) {
                Fixup::Mended => return Report::silent(),
                Fixup::Warned(warning) => return self.mended_with_warning(w, &before, warning),
                Fixup::None => {}
            }
        }
        if let Some(bug) = bug {
            announce_bug(&mut w, &bug, trap.regs.ip);
        }
        let die = header(&w, trap);
        let subject = subject(trap);
        self.die(w, &subject, Start::Regs(&subject.regs), die)
    }

    fn mended_with_warning(&mut self, mut w: Writer, subject: &Subject, warning: Warning) -> Report {
        let start = Start::Regs(&subject.regs);
        match warning {
            Warning::Warn(message) if self.warn_once(Once::UserAccess) => {
                w.put(Level::Warning, "------------[ cut here ]------------");
                w.put(Level::Default, message);
                let place =
                    Place { file: Some("arch/x86/mm/extable.c"), line: 0, ip: subject.regs.ip, taint: bit::WARN };
                self.warn(w, place, subject, Start::Regs(&subject.regs), false)
            }
            Warning::Unchecked { write, text } => {
                let kind = if write { Once::UncheckedWrite } else { Once::UncheckedRead };
                if self.warn_once(kind) {
                    w.put(Level::Warning, text);
                    w.trace(start);
                }
                Report { lines: w.lines, ..Report::silent() }
            }
            Warning::Warn(_) => Report::silent(),
        }
    }
}

fn subject(trap: &Trap) -> Subject {
    Subject { regs: *trap.regs, cr2: trap.addr, place: None }
}

fn plain(name: &str, code: u64, signal: i32) -> Die {
    Die { before: Vec::new(), name: name.to_string(), code, cr2: None, signal, unmaskable: false }
}

fn find_bug(world: &dyn World, ip: u64) -> Option<Bug> {
    let mut bytes = [0; 2];
    if !world.read_bytes(ip, &mut bytes) || bytes != UD2 {
        return None;
    }
    let table = world.bugs(ip)?;
    bug::find(world, &table, ip)
}

fn announce_bug(w: &mut Writer, bug: &Bug, ip: u64) {
    if !bug.is_announced() {
        w.put(Level::Default, "------------[ cut here ]------------");
    }
    let text = match &bug.file {
        Some(file) => format!("kernel BUG at {file}:{}!", bug.line),
        None => format!("Kernel BUG at {} [verbose debug info unavailable]", describe_return(w.world, ip)),
    };
    w.put(Level::Crit, text);
}

fn vector(kind: TrapKind) -> u8 {
    match kind {
        TrapKind::Divide => 0,
        TrapKind::Debug => 1,
        TrapKind::Breakpoint => 3,
        TrapKind::InvalidOpcode => 6,
        TrapKind::GeneralProtection => 13,
        TrapKind::PageFault => 14,
        TrapKind::Other(vector) => vector,
        TrapKind::Lockup => u8::MAX,
    }
}

/// The header of each kind of oops.
fn header(w: &Writer, trap: &Trap) -> Die {
    if trap.stack_overflow {
        return overflow(w, trap);
    }
    match trap.kind {
        TrapKind::PageFault => page_fault(w, trap.code, trap.addr),
        TrapKind::GeneralProtection => plain(&protection(w, trap), trap.code, SIGSEGV),
        TrapKind::Breakpoint => Die { unmaskable: true, ..plain("int3", 0, SIGSEGV) },
        kind => {
            let (name, shows_code) = name(vector(kind));
            plain(name, if shows_code { trap.code } else { 0 }, SIGSEGV)
        }
    }
}

/// Name of an exception, and whether its error code is shown.
fn name(vector: u8) -> (&'static str, bool) {
    match vector {
        0 => ("divide error", false),
        4 => ("overflow", false),
        5 => ("bounds", false),
        6 => ("invalid opcode", false),
        7 => ("unexpected #NM exception", false),
        9 => ("coprocessor segment overrun", false),
        10 => ("invalid TSS", true),
        11 => ("segment not present", true),
        12 => ("stack segment", true),
        16 => ("fpu exception", false),
        17 => ("Split lock detected", true),
        19 => ("simd exception", false),
        21 => ("control protection", true),
        _ => ("unknown exception", true),
    }
}

fn protection(w: &Writer, trap: &Trap) -> String {
    if trap.code != 0 {
        return format!("segment-related {GPF}");
    }
    let control = w.facts.control;
    match gp::hint(w.world, trap.regs, control.gs_base, control.fs_base) {
        Hint::None => GPF.to_string(),
        Hint::NonCanonical(addr) => format!("{GPF}, probably for non-canonical address {addr:#x}"),
        Hint::Canonical(addr) => format!("{GPF}, maybe for address {addr:#x}"),
    }
}

fn overflow(w: &Writer, trap: &Trap) -> Die {
    let [hit, low, high] = [trap.addr, trap.stack.0, trap.stack.1].map(|addr| w.world.hashed(addr));
    let text = format!("BUG: TASK stack guard page was hit at {hit:016x} (stack is {low:016x}..{high:016x})");
    let mut die = Die { unmaskable: true, ..plain("stack guard page", 0, SIGSEGV) };
    die.before.push(Line::new(Level::Emerg, text));
    die
}
