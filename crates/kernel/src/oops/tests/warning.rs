//! BUG and WARN by a module's table; lines as recorded of 6.1 in `modules/faults/{bug,warn}/expect`.

use super::super::testing::Fake;
use super::super::world::Table;
use super::super::*;
use machine::enter::Stretch;
use machine::{Regs, Trap, TrapKind};

const IP: u64 = 0x1000_001f;
const SP: u64 = 0x2000_0100;
const TABLE: u64 = 0x1000_8000;
const WARN: u16 = 9 << 8 | 1;
const ONCE: u16 = 2;
const NO_CUT_HERE: u16 = 8;

/// A module `warns` whose function `suspicious` has `ud2` at 0x1f, called by `warns_in`.
fn world(flags: u16) -> Fake {
    let mut world = Fake::new();
    world.function(0x1000_0000, 0x59, "suspicious", "warns");
    world.function(0x1000_1000, 0x1000, "warns_in", "warns");
    world.put(IP, &[0x0f, 0x0b]);
    world.put(0x0fff_f000, &[0; 0x1000]);
    world.put_words(SP, &[0x1000_1019, 0]);
    world.stretches = vec![Stretch { border: SP, top: SP + 16 }];
    let ips = Table { addr: 0x1000_0000, bytes: vec![0; 4].into() };
    world.orc = Some(OrcTable { ips, entries: vec![8, 0, 0, 0, 5, 0].into() });
    let mut entry = (IP.wrapping_sub(TABLE) as i32).to_le_bytes().to_vec();
    entry.extend((0x1000_9000u64.wrapping_sub(TABLE + 4) as i32).to_le_bytes());
    entry.extend(5u16.to_le_bytes());
    entry.extend(flags.to_le_bytes());
    world.put(TABLE, &entry);
    world.put(0x1000_9000, b"warns.c\0");
    world.bugs = Some((TABLE, 12));
    world.facts = Facts { features: "PREEMPT SMP PTI".into(), comm: "insmod".into(), pid: 97, ..Facts::default() };
    world.facts.tainted = 3 << 12;
    world.facts.linked = vec![Linked { name: "warns".into(), taints: 3 << 12, state: State::Coming }];
    world.facts.set_uname("6.1.0-56-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-02)");
    world
}

fn trap(world: &Fake, reporter: &mut Reporter, kind: TrapKind) -> (Report, Regs) {
    let mut regs = Regs { ip: IP, sp: SP, cs: 0x10, ss: 0x18, flags: 0x246, orig_ax: u64::MAX, ..Regs::default() };
    let stack = (SP - 0x100, SP + 16);
    let mut trap = Trap { kind, regs: &mut regs, code: 0, addr: 0, stack_overflow: false, stack };
    let report = match kind {
        TrapKind::Lockup => reporter.soft_lockup(world, &trap, 26),
        _ => reporter.trap(world, &mut trap),
    };
    (report, regs)
}

/// The first words of the lines, without registers.
fn outline(report: &Report) -> Vec<&str> {
    let register =
        |line: &&str| !line.starts_with(['R', 'F', 'C']) || line.starts_with("RIP") || line.starts_with("CPU: ");
    report.lines.iter().map(|line| line.text.as_str()).filter(register).collect()
}

const CPU: &str = "CPU: 0 PID: 97 Comm: insmod Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2";

#[test]
fn a_warning_goes_on_behind_its_instruction() {
    let world = world(WARN);
    let (report, regs) = trap(&world, &mut Reporter::default(), TrapKind::InvalidOpcode);
    assert_eq!(
        outline(&report),
        [
            "------------[ cut here ]------------",
            "WARNING: CPU: 0 PID: 97 at warns.c:5 suspicious+0x1f/0x59 [warns]",
            "Modules linked in: warns(OE+)",
            CPU,
            "RIP: 0010:suspicious+0x1f/0x59 [warns]",
            " <TASK>",
            " warns_in+0x19/0x1000 [warns]",
            " </TASK>",
            "---[ end trace 0000000000000000 ]---",
        ]
    );
    assert!(report.lines.iter().any(|line| line.text.contains("90 90 <0f> 0b 90")), "{report:?}");
    assert_eq!(report.lines[1].level, Level::Warning);
    assert_eq!((report.taint, report.verbose, report.next), (1 << bit::WARN, false, Next::Resume));
    assert_eq!(regs.ip, IP + 2);
}

#[test]
fn warn_once_is_silent_the_second_time() {
    let world = world(WARN | ONCE | NO_CUT_HERE);
    let mut reporter = Reporter::default();
    let (first, _) = trap(&world, &mut reporter, TrapKind::InvalidOpcode);
    assert!(first.lines[0].text.starts_with("WARNING: "), "the message had its own first line");
    let (second, regs) = trap(&world, &mut reporter, TrapKind::InvalidOpcode);
    assert_eq!((second, regs.ip), (Report::silent(), IP + 2));
}

#[test]
fn a_bug_is_an_invalid_opcode() {
    let (report, _) = trap(&world(0), &mut Reporter::default(), TrapKind::InvalidOpcode);
    let lines = outline(&report);
    let wanted = [
        "------------[ cut here ]------------",
        "kernel BUG at warns.c:5!",
        "invalid opcode: 0000 [#1] PREEMPT SMP PTI",
        CPU,
    ];
    assert_eq!(lines[..4], wanted);
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "Modules linked in: warns(OE+)",
            "---[ end trace 0000000000000000 ]---",
            "RIP: 0010:suspicious+0x1f/0x59 [warns]"
        ]
    );
    assert_eq!(report.lines[1].level, Level::Crit);
    assert_eq!(report.next, Next::Die { signal: SIGSEGV, irqs_disabled: false });
}

#[test]
fn newer_kernels_say_oops_user_and_taints() {
    let mut world = world(0);
    world.facts.set_uname("6.12.117+deb12-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~bpo12+1 (2026-11-02)");
    let (report, _) = trap(&world, &mut Reporter::default(), TrapKind::InvalidOpcode);
    let wanted = [
        "Oops: invalid opcode: 0000 [#1] PREEMPT SMP PTI",
        "CPU: 0 UID: 0 PID: 97 Comm: insmod Tainted: G           OE      6.12.117+deb12-amd64 #1  Debian 6.12.117-1~bpo12+1",
        "Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE",
    ];
    assert_eq!(outline(&report)[2..5], wanted);
}

#[test]
fn a_lockup_is_reported_and_goes_on() {
    let (report, _) = trap(&world(0), &mut Reporter::default(), TrapKind::Lockup);
    let wanted =
        ["watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:97]", "Modules linked in: warns(OE+)", CPU];
    assert_eq!(outline(&report)[..3], wanted);
    assert_eq!(outline(&report).last(), Some(&" </TASK>"));
    assert_eq!((report.taint, report.next), (1 << bit::SOFTLOCKUP, Next::Resume));
}

#[test]
fn settings_turn_reports_into_panics() {
    let mut world = world(WARN);
    world.facts.policy.panic_on_warn = true;
    let (report, _) = trap(&world, &mut Reporter::default(), TrapKind::InvalidOpcode);
    assert_eq!(report.next, Next::Panic("kernel: panic_on_warn set ...".into()));
    let end = "---[ end Kernel panic - not syncing: kernel: panic_on_warn set ... ]---";
    assert_eq!(report.lines.last().map(|line| line.text.as_str()), Some(end));
    world.facts.policy = Policy { panic_on_oops: true, panic_timeout: 3, ..Policy::default() };
    let (report, _) = trap(&world, &mut Reporter::default(), TrapKind::Divide);
    assert_eq!(report.next, Next::Panic("Fatal exception".into()));
    let lines = outline(&report);
    assert_eq!(lines[lines.len() - 1], "Kernel panic - not syncing: Fatal exception");
    assert_eq!(report.lines.last().map(|line| line.text.as_str()), Some("Rebooting in 3 seconds.."));
}

#[test]
fn a_stray_single_step_is_switched_off() {
    let (report, _) = trap(&world(0), &mut Reporter::default(), TrapKind::Debug);
    assert_eq!(report, Report::silent());
}
