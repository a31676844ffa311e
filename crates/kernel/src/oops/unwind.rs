//! Call traces over the stretches of module frames on a module stack.
//!
//! As in Linux, two things happen at once: every word of the stack that is a code address is listed, and an unwinder
//! follows the frames by the ORC tables; what the unwinder did not meet gets a question mark. Where a stretch of module
//! frames ends, lkm's own frames follow on another stack; the trace goes on where the module called lkm.
//!
//! DIFFERS: frames of kernel functions between the module's are not shown, nor the registers of the system call: they
//! are lkm's, in Rust, and of another process.
//!
//! Kernel counterparts: `unwind_next_frame` of arch/x86/kernel/unwind_orc.c, `show_trace_log_lvl` of
//! arch/x86/kernel/dumpstack.c.

use super::orc::{self, Base, Entry, Kind};
use super::world::{World, describe_return};
use machine::Regs;
use machine::enter::Stretch;

/// More lines than this are left out: a module stack has 2048 words.
const LIMIT: usize = 4096;
/// Offsets within `struct pt_regs`.
const REGS_BP: u64 = 4 * 8;
const REGS_IP: u64 = 16 * 8;
const REGS_SP: u64 = 19 * 8;

/// Where a trace begins.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// At the registers of a trap; the innermost stretch of the world is the one that trapped.
    Regs(&'a Regs),
    /// At the call of a kernel function: the border of the innermost stretch.
    Border,
}

/// A line of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The return address.
    pub addr: u64,
    /// Where on the stack it lies.
    pub slot: u64,
    /// The unwinder met it.
    pub reliable: bool,
}

/// The unwinder: one frame of module code.
struct Unwinder<'w> {
    world: &'w dyn World,
    version: (u16, u16),
    /// Bounds of the stack part that may be read.
    stack: (u64, u64),
    ip: u64,
    sp: u64,
    bp: u64,
    /// `ip` was interrupted here, it is no return address.
    signal: bool,
    /// All registers, while the frame is that of the trap.
    regs: Option<Regs>,
    /// Where `ip` was read from; `None` once the end or an error is reached.
    slot: Option<u64>,
}

impl Unwinder<'_> {
    fn read(&self, addr: u64) -> Option<u64> {
        let last = self.stack.1.checked_sub(8)?;
        if addr < self.stack.0 || addr > last { None } else { self.world.read_u64(addr) }
    }

    fn entry(&self) -> Entry {
        let at = if self.signal { self.ip } else { self.ip.wrapping_sub(1) };
        if at == 0 {
            return Entry::AT_ENTRY;
        }
        if let Some(entry) = self.world.orc(at).and_then(|table| orc::find(&table, at, self.version)) {
            return entry;
        }
        // A stub: the module has just called it.
        let kernels = self.world.symbol(at).is_some_and(|symbol| symbol.module.is_none());
        if self.signal && (kernels || self.world.missing(at).is_some()) {
            return Entry::AT_ENTRY;
        }
        Entry::FRAME_POINTER
    }

    /// Goes on to the caller; after the last frame or an error, `slot` is `None`.
    fn next(&mut self) {
        self.slot = self.step();
    }

    fn step(&mut self) -> Option<u64> {
        let (entry, before) = (self.entry(), self.sp);
        if matches!(entry.kind, Kind::Undefined | Kind::End | Kind::Unknown) {
            return None;
        }
        let offset = i64::from(entry.sp_offset);
        let regs = self.regs.as_ref();
        let frame = match entry.sp {
            Base::Sp => self.sp.wrapping_add_signed(offset),
            Base::Bp => self.bp.wrapping_add_signed(offset),
            Base::SpIndirect => self.read(self.sp)?.wrapping_add_signed(offset),
            Base::BpIndirect => self.read(self.bp.wrapping_add_signed(offset))?,
            Base::R10 => regs?.r10,
            Base::R13 => regs?.r13,
            Base::Di => regs?.di,
            Base::Dx => regs?.dx,
            Base::Undefined | Base::PrevSp | Base::Unknown => return None,
        };
        let (slot, sp) = match entry.kind {
            Kind::Call => (frame.wrapping_sub(8), frame),
            // The processor pushes ip, cs, flags, sp, ss.
            Kind::RegsPartial => (frame, self.read(frame.wrapping_add(24))?),
            _ => (frame.wrapping_add(REGS_IP), self.read(frame.wrapping_add(REGS_SP))?),
        };
        let ip = self.read(slot)?;
        self.bp = self.caller_bp(entry, frame)?;
        let interrupted = entry.kind != Kind::Call;
        (self.ip, self.sp, self.regs) = (ip, sp, None);
        self.signal = entry.signal.unwrap_or(interrupted);
        // Bad tables must not lead in circles.
        (sp > before).then_some(slot)
    }

    fn caller_bp(&self, entry: Entry, frame: u64) -> Option<u64> {
        if entry.kind == Kind::Regs {
            return self.read(frame.wrapping_add(REGS_BP));
        }
        let offset = i64::from(entry.bp_offset);
        match entry.bp {
            Base::Undefined => Some(self.bp),
            Base::PrevSp => self.read(frame.wrapping_add_signed(offset)),
            Base::Bp => self.read(self.bp.wrapping_add_signed(offset)),
            _ => None,
        }
    }
}

/// Walks the stack from `start`. `bounds` are those of the module stack, if known.
pub fn unwind(world: &dyn World, version: (u16, u16), start: Start, bounds: Option<(u64, u64)>) -> Vec<Frame> {
    let mut out = Vec::new();
    let stretches = world.stretches();
    let mut rest = stretches.iter();
    if let Start::Regs(regs) = start {
        let top = rest.next().map(|s| s.top).or(bounds.map(|b| b.1));
        let Some(top) = top else { return out };
        from_regs(world, version, regs, (bounds.map_or(regs.sp, |b| b.0), top), &mut out);
    }
    for stretch in rest {
        from_border(world, version, *stretch, &mut out);
    }
    out
}

fn from_regs(world: &dyn World, version: (u16, u16), regs: &Regs, stack: (u64, u64), out: &mut Vec<Frame>) {
    let mut unwinder = Unwinder {
        world,
        version,
        stack,
        ip: regs.ip,
        sp: regs.sp,
        bp: regs.bp,
        signal: true,
        regs: Some(*regs),
        slot: None,
    };
    unwinder.next();
    // Below the stack, in the guard page: the stack begins at the next page.
    let sp = regs.sp.checked_next_multiple_of(8).unwrap_or(0);
    let begin = if sp < stack.0 { sp.checked_next_multiple_of(4096).unwrap_or(0) } else { sp };
    if begin >= stack.0 && begin < stack.1 {
        scan(unwinder, begin, out);
    }
}

fn from_border(world: &dyn World, version: (u16, u16), stretch: Stretch, out: &mut Vec<Frame>) {
    let (begin, slot) = (stretch.border, stretch.border.wrapping_add(8));
    let (Some(bp), Some(ip)) = (world.read_u64(begin), world.read_u64(slot)) else { return };
    let (sp, stack) = (slot.wrapping_add(8), (begin, stretch.top));
    scan(Unwinder { world, version, stack, ip, sp, bp, signal: false, regs: None, slot: Some(slot) }, slot, out);
}

/// Lists the code addresses from `begin` to the end of the unwinder's stack.
fn scan(mut unwinder: Unwinder, begin: u64, out: &mut Vec<Frame>) {
    let mut slot = begin;
    while slot < unwinder.stack.1 && out.len() < LIMIT {
        let Some(addr) = unwinder.world.read_u64(slot) else { return };
        if unwinder.world.is_text(addr) {
            let reliable = unwinder.slot == Some(slot);
            out.push(Frame { addr, slot, reliable });
            if reliable {
                unwinder.next();
            }
        }
        slot = slot.saturating_add(8);
    }
}

/// The return addresses that the unwinder meets, innermost first, without reading the rest of the stack: at most `limit`.
pub fn chain(world: &dyn World, version: (u16, u16), limit: usize) -> Vec<u64> {
    let mut out = Vec::new();
    for stretch in world.stretches() {
        let (begin, slot) = (stretch.border, stretch.border.wrapping_add(8));
        let (Some(bp), Some(ip)) = (world.read_u64(begin), world.read_u64(slot)) else { break };
        let (sp, stack) = (slot.wrapping_add(8), (begin, stretch.top));
        let mut unwinder = Unwinder { world, version, stack, ip, sp, bp, signal: false, regs: None, slot: Some(slot) };
        while unwinder.slot.is_some() && world.is_text(unwinder.ip) && out.len() < limit {
            out.push(unwinder.ip);
            unwinder.next();
        }
    }
    out
}

/// The lines from `Call Trace:` to ` </TASK>`.
pub fn call_trace(world: &dyn World, version: (u16, u16), start: Start, bounds: Option<(u64, u64)>) -> Vec<String> {
    let mut out = vec!["Call Trace:".to_string(), " <TASK>".to_string()];
    for frame in unwind(world, version, start, bounds) {
        let doubt = if frame.reliable { "" } else { "? " };
        out.push(format!(" {doubt}{}", describe_return(world, frame.addr)));
    }
    out.push(" </TASK>".to_string());
    out
}
