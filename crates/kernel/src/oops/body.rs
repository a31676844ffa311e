//! The parts that every report has: task and hardware lines, instruction, registers, call trace.
//!
//! Kernel counterparts: `dump_stack_print_info` of lib/dump_stack.c, `print_worker_info` of kernel/workqueue.c,
//! `show_opcodes` and `show_regs` of arch/x86/kernel/dumpstack.c, `__show_regs` of arch/x86/kernel/process_64.c.

use super::taint;
use super::unwind::{self, Start};
use super::world::{Facts, Level, Line, World, describe, name_of};
use machine::Regs;
use std::fmt::Write;

/// Bytes of code before and behind the first byte of the instruction.
const BEFORE: usize = 42;
const AFTER: usize = 21;
const CODE: usize = BEFORE + 1 + AFTER;
const PAGE: u64 = 4096;

/// The registers of a report.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) regs: Regs,
    /// Address of the last page fault.
    pub(super) cr2: u64,
    /// What follows `RIP: 0010:` where the registers do not tell.
    pub(super) place: Option<String>,
}

/// Collects the lines of a report.
pub(super) struct Writer<'w> {
    pub(super) world: &'w dyn World,
    pub(super) facts: Facts,
    /// Bounds of the module stack.
    pub(super) stack: Option<(u64, u64)>,
    pub(super) lines: Vec<Line>,
}

impl<'w> Writer<'w> {
    pub(super) fn new(world: &'w dyn World, stack: Option<(u64, u64)>) -> Writer<'w> {
        Writer { world, facts: world.facts(), stack, lines: Vec::new() }
    }

    pub(super) fn put(&mut self, level: Level, text: impl Into<String>) {
        self.lines.push(Line::new(level, text));
    }

    fn plain(&mut self, text: impl Into<String>) {
        self.put(Level::Default, text);
    }

    /// The lines `CPU:`, `Hardware name:` and `Workqueue:`.
    pub(super) fn task(&mut self) {
        let f = &self.facts;
        let uid = if f.version >= (6, 11) { format!("UID: {} ", f.uid) } else { String::new() };
        let comm: String = f.comm.chars().take(20).collect();
        let tainted = taint::tainted(f.tainted);
        let (cpu, pid) = (f.cpu, f.pid);
        let kernel = format!("{} {} {}", f.release, f.build, f.package);
        let verbose = if f.version >= (6, 10) { taint::tainted_verbose(f.tainted) } else { None };
        let hardware = (!f.hardware.is_empty()).then(|| format!("Hardware name: {}", f.hardware));
        let worker = f.worker.as_ref().map(|worker| {
            let other = worker.description != worker.queue;
            let description = if other { format!(" ({})", worker.description) } else { String::new() };
            format!("Workqueue: {} {}{description}", worker.queue, name_of(self.world, worker.function))
        });
        self.plain(format!("CPU: {cpu} {uid}PID: {pid} Comm: {comm} {tainted} {kernel}"));
        for line in [verbose, hardware, worker].into_iter().flatten() {
            self.plain(line);
        }
    }

    pub(super) fn modules(&mut self) {
        self.plain(taint::modules_in(&self.facts));
    }

    /// The lines from `RIP:` to `CR2:`.
    pub(super) fn registers(&mut self, subject: &Subject) {
        let r = subject.regs;
        let world = self.world;
        let shown = |value: u64| world.shown(value);
        let place = subject.place.clone().unwrap_or_else(|| describe(self.world, r.ip));
        self.plain(format!("RIP: {:04x}:{place}", r.cs as u32));
        let unreadable = self.code(r.ip);
        let orig = if r.orig_ax == u64::MAX { String::new() } else { format!(" ORIG_RAX: {:016x}", r.orig_ax) };
        let rows = [
            format!("RSP: {:04x}:{:016x} EFLAGS: {:08x}{orig}", r.ss as u32, shown(r.sp), r.flags),
            format!("RAX: {:016x} RBX: {:016x} RCX: {:016x}", shown(r.ax), shown(r.bx), shown(r.cx)),
            format!("RDX: {:016x} RSI: {:016x} RDI: {:016x}", shown(r.dx), shown(r.si), shown(r.di)),
            format!("RBP: {:016x} R08: {:016x} R09: {:016x}", shown(r.bp), shown(r.r8), shown(r.r9)),
            format!("R10: {:016x} R11: {:016x} R12: {:016x}", shown(r.r10), shown(r.r11), shown(r.r12)),
            format!("R13: {:016x} R14: {:016x} R15: {:016x}", shown(r.r13), shown(r.r14), shown(r.r15)),
        ];
        rows.into_iter().for_each(|row| self.plain(row));
        let c = self.facts.control;
        self.plain(format!("FS:  {:016x}(0000) GS:{:016x}(0000) knlGS:0000000000000000", c.fs_base, c.gs_base));
        self.plain(format!("CS:  {:04x} DS: 0000 ES: 0000 CR0: {:016x}", r.cs, c.cr0));
        // Reading the code may itself have been the last fault.
        let cr2 = self.world.shown(unreadable.unwrap_or(subject.cr2));
        self.plain(format!("CR2: {cr2:016x} CR3: {:016x} CR4: {:016x}", c.cr3, c.cr4));
    }

    /// The line `Code:`; the address that could not be read.
    fn code(&mut self, ip: u64) -> Option<u64> {
        let begin = ip.wrapping_sub(BEFORE as u64);
        let mut bytes = [0; CODE];
        if !self.world.read_bytes(begin, &mut bytes) {
            self.plain(format!("Code: Unable to access opcode bytes at {:#x}.", self.world.shown(begin)));
            let mut first = [0];
            let next_page = (begin | (PAGE - 1)).wrapping_add(1);
            return Some(if self.world.read_bytes(begin, &mut first) { next_page } else { begin });
        }
        let mut text = "Code:".to_string();
        for (i, byte) in bytes.iter().enumerate() {
            let (open, close) = if i == BEFORE { ("<", ">") } else { ("", "") };
            // Writing to a string cannot fail.
            let _ = write!(text, " {open}{byte:02x}{close}");
        }
        self.plain(text);
        None
    }

    /// The lines from `Call Trace:` to ` </TASK>`.
    pub(super) fn trace(&mut self, start: Start) {
        for line in unwind::call_trace(self.world, self.facts.version, start, self.stack) {
            self.plain(line);
        }
    }

    /// Task, registers and trace (`show_regs`).
    pub(super) fn body(&mut self, subject: &Subject, start: Start) {
        self.task();
        self.registers(subject);
        self.trace(start);
    }

    pub(super) fn end_marker(&mut self) {
        self.put(Level::Warning, "---[ end trace 0000000000000000 ]---");
    }

    /// The lines of a panic (`panic` of kernel/panic.c). The trace is left out when an oops was reported before.
    pub(super) fn panic(&mut self, message: &str, start: Option<Start>) {
        let message = message.strip_suffix('\n').unwrap_or(message);
        self.put(Level::Emerg, format!("Kernel panic - not syncing: {message}"));
        if let Some(start) = start {
            self.task();
            self.trace(start);
        }
        match self.facts.policy.panic_timeout {
            0 => self.put(Level::Emerg, format!("---[ end Kernel panic - not syncing: {message} ]---")),
            seconds if seconds > 0 => self.put(Level::Emerg, format!("Rebooting in {seconds} seconds..")),
            _ => {}
        }
    }
}
