//! Reports of what lkm's own functions met, called by a module: traces begin at the border.

use super::super::testing::{Fake, Named};
use super::super::world::Table;
use super::super::*;
use machine::enter::Stretch;
use machine::{Regs, Trap, TrapKind};

const STUB: u64 = 0x1000_0040;
const BORDER: u64 = 0x2000_0f00;

/// `outer` of module `b` was called, called `inner` through lkm (a stretch of its own), and that called lkm again.
fn world() -> Fake {
    let mut world = Fake::new();
    world.function(0x1010_0000, 0x40, "inner", "a");
    world.function(0x1020_0000, 0x80, "outer", "b");
    world.named.push(Named { addr: STUB, size: 0x20, name: "strlen", module: None, text: true });
    // inner's frame pointer and return address; 16 bytes of its own; where lkm called it from.
    world.put_words(BORDER, &[0xb0, 0x1010_0010, 0x1010_0007, 0, 0x5555]);
    let outer = BORDER + 0x28;
    world.put_words(outer, &[0xb1, 0x1020_0020, 0, 0, 0x5555]);
    world.stretches = vec![Stretch { border: BORDER, top: outer }, Stretch { border: outer, top: outer + 0x28 }];
    let ips = Table { addr: 0x1010_0000, bytes: vec![0; 4].into() };
    world.orc = Some(OrcTable { ips, entries: vec![24, 0, 0, 0, 5, 0].into() });
    world.facts = Facts { comm: "cat".into(), pid: 7, ..Facts::default() };
    world.facts.set_uname("6.1.0-56-amd64", "#1 SMP Debian 6.1.192-2 (2026-11-02)");
    world
}

const TRACE: [&str; 6] =
    ["Call Trace:", " <TASK>", " inner+0x10/0x40 [a]", " ? inner+0x7/0x40 [a]", " outer+0x20/0x80 [b]", " </TASK>"];

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn dump_stack_goes_over_all_stretches() {
    let lines = dump_stack(&world());
    let cpu = "CPU: 0 PID: 7 Comm: cat Not tainted 6.1.0-56-amd64 #1  Debian 6.1.192-2";
    assert_eq!(texts(&lines), [[cpu].as_slice(), &TRACE].concat());
    assert_eq!(texts(&show_stack(&world())), TRACE);
}

#[test]
fn dump_stack_of_a_worker_names_its_work() {
    let mut world = world();
    let worker = Worker { queue: "events".into(), function: 0x1020_0000, description: "events".into() };
    world.facts.worker = Some(worker.clone());
    assert_eq!(dump_stack(&world)[1].text, "Workqueue: events outer [b]");
    world.facts.worker = Some(Worker { description: "flush".into(), ..worker });
    world.facts.hardware = "a machine".into();
    assert_eq!(texts(&dump_stack(&world))[1..3], ["Hardware name: a machine", "Workqueue: events outer [b] (flush)"]);
}

#[test]
fn a_fault_in_a_kernel_function_is_placed_at_its_entry() {
    let mut reporter = Reporter::default();
    let report = reporter.kernel_fault(&world(), STUB, "strlen", 0x30, false);
    let lines = texts(&report.lines);
    assert_eq!(lines[0], "BUG: kernel NULL pointer dereference, address: 0000000000000030");
    assert_eq!(lines[2], "#PF: error_code(0x0000) - not-present page");
    assert!(lines.contains(&"RIP: 0010:strlen+0x0/0x20"), "{lines:?}");
    assert!(lines.contains(&"RSP: 0018:0000000020000f08 EFLAGS: 00000246"), "{lines:?}");
    assert!(lines.windows(TRACE.len()).any(|part| part == TRACE), "{lines:?}");
    assert_eq!(report.next, Next::Die { signal: SIGKILL, irqs_disabled: true });
    // Without a symbol the name is all there is; memory that can be read was forbidden to write.
    let report = reporter.kernel_fault(&world(), 0x666, "sprintf", BORDER, true);
    let lines = texts(&report.lines);
    assert_eq!(lines[2], "#PF: error_code(0x0003) - permissions violation");
    assert!(lines.contains(&"RIP: 0010:sprintf+0x0/0x0"), "{lines:?}");
}

#[test]
fn a_bad_call_tells_its_cause() {
    let report = Reporter::default().bad_call(&world(), STUB, "strlen", "no profile of struct page");
    let lines = texts(&report.lines);
    assert_eq!(lines[..2], ["BUG: strlen: no profile of struct page", "Oops: 0000 [#1]"]);
    assert!(lines.contains(&"RIP: 0010:strlen+0x0/0x20"), "{lines:?}");
    assert_eq!(report.next, Next::Die { signal: SIGKILL, irqs_disabled: false });
}

#[test]
fn a_call_of_what_is_missing_names_it() {
    let mut world = world();
    world.missing = vec![(0x1000_0100, Missing { name: "frobnicate".into(), variable: false })];
    world.put_words(BORDER - 8, &[0x1010_0010]);
    world.put_words(BORDER, &[0; 5]);
    let mut regs = Regs { ip: 0x1000_0100, sp: BORDER - 8, cs: 0x10, orig_ax: u64::MAX, ..Regs::default() };
    let stack = (BORDER - 0x100, BORDER + 0x28);
    let kind = TrapKind::InvalidOpcode;
    let mut trap = Trap { kind, regs: &mut regs, code: 0, addr: 0, stack_overflow: false, stack };
    let report = Reporter::default().trap(&world, &mut trap);
    let lines = texts(&report.lines);
    assert_eq!(lines[0], "BUG: call of a kernel function that lkm does not implement: frobnicate");
    assert_eq!(report.lines[0].level, Level::Alert);
    assert!(lines.contains(&"RIP: 0010:frobnicate+0x0/0x0"), "{lines:?}");
    assert!(lines.contains(&" inner+0x10/0x40 [a]"), "{lines:?}");
}

#[test]
fn a_variable_that_is_missing_is_named() {
    let mut world = world();
    world.missing = vec![(0x3000_0000, Missing { name: "some_table".into(), variable: true })];
    let mut regs = Regs { ip: 0x1010_0008, sp: BORDER, ..Regs::default() };
    let (kind, stack) = (TrapKind::PageFault, (BORDER - 0x100, BORDER + 0x28));
    let mut trap = Trap { kind, regs: &mut regs, code: 2, addr: 0x3000_0000, stack_overflow: false, stack };
    let report = Reporter::default().trap(&world, &mut trap);
    assert_eq!(report.lines[0].text, "BUG: write to a kernel variable that lkm does not provide: some_table");
}

#[test]
fn panics_show_the_caller_unless_an_oops_came_first() {
    let mut world = world();
    let report = panic(&world, "giving up\n");
    let lines = texts(&report.lines);
    assert_eq!(lines[0], "Kernel panic - not syncing: giving up");
    assert_eq!(lines[2..8], TRACE);
    assert_eq!(lines[8], "---[ end Kernel panic - not syncing: giving up ]---");
    assert_eq!(report.next, Next::Panic("giving up".into()));
    world.facts.tainted = 1 << bit::DIE;
    assert_eq!(panic(&world, "x").lines.len(), 2);
}

#[test]
fn a_smashed_stack_names_the_function() {
    let report = stack_protector(&world());
    let wanted = "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: inner+0x10/0x40 [a]";
    assert_eq!(report.lines[0], Line { level: Level::Emerg, text: wanted.into() });
}

#[test]
fn a_warning_of_a_kernel_function_has_its_message_first() {
    let place = Place { file: Some("lib/x.c"), line: 9, ip: 0x1010_0010, taint: bit::WARN };
    let report = Reporter::default().warn_call(&world(), place, Some("it is odd\n"));
    let lines = texts(&report.lines);
    assert_eq!(lines[..2], ["------------[ cut here ]------------", "it is odd"]);
    assert_eq!(lines[2], "WARNING: CPU: 0 PID: 7 at lib/x.c:9 inner+0x10/0x40 [a]");
    assert_eq!(lines[3], "Modules linked in:");
    assert!(lines.contains(&"RIP: 0010:inner+0x10/0x40 [a]"), "{lines:?}");
    let trace = lines.iter().position(|line| *line == TRACE[0]).unwrap();
    assert_eq!(lines[trace..trace + 6], TRACE);
    assert_eq!(lines.last(), Some(&"---[ end trace 0000000000000000 ]---"));
    let report = Reporter::default().warn_call(&world(), place, None);
    assert_eq!(texts(&report.lines)[0], "------------[ cut here ]------------");
}

#[test]
fn exits_tell_what_was_left_off() {
    assert_eq!(exit_notes("sh", 3, false, 0), []);
    let lines = exit_notes("sh", 3, true, 1);
    assert_eq!(texts(&lines), ["note: sh[3] exited with irqs disabled", "note: sh[3] exited with preempt_count 1"]);
}
