//! Each file of `recorded/` is what the console of Debian's 6.1.0-56 showed of a fault of a test module (those of
//! `modules/faults`), without time stamps. A world is made from its registers and names, and the report must be the
//! same, line by line, but for the frames of the kernel itself and page table entries.

use super::super::testing::{Fake, Named};
use super::super::world::Table;
use super::super::*;
use machine::enter::Stretch;
use machine::{Regs, Trap, TrapKind};

/// A trap as the machine would tell it.
struct Case {
    text: &'static str,
    kind: TrapKind,
    code: u64,
    addr: u64,
    /// Bytes of stack that each frame takes.
    frame: u64,
    overflow: bool,
}

impl Case {
    fn new(text: &'static str, kind: TrapKind, code: u64, addr: u64) -> Case {
        Case { text, kind, code, addr, frame: 8, overflow: false }
    }
}

/// The lines that are compared.
fn comparable<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out = Vec::new();
    let mut in_trace = false;
    for line in lines {
        let tag = line.starts_with(" <") || line.starts_with(" </");
        in_trace = (in_trace || line == " <TASK>") && line != " </TASK>";
        let foreign = in_trace && !tag && !(line.starts_with(' ') && line.ends_with(']'));
        let unknown = ["PGD ", "PKRU:", "note:", "Kernel Offset:", "----"].iter().any(|start| line.starts_with(start));
        if !foreign && !unknown && !line.is_empty() {
            let end = line.find(" was hit at").unwrap_or(line.len());
            out.push(line[..end].to_string());
        }
    }
    out
}

fn hex(text: &str) -> u64 {
    let digits = text.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// The number behind the first `name:`.
fn field(text: &str, name: &str) -> u64 {
    let at = text.find(&format!("{name}:")).unwrap_or_else(|| panic!("no {name} in the record"));
    hex(text[at + name.len() + 1..].trim_start())
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("no line {start}"))
}

fn regs(text: &str) -> Regs {
    let f = |name| field(text, name);
    let sp = hex(line(text, "RSP: 0018:"));
    Regs {
        r15: f("R15"),
        r14: f("R14"),
        r13: f("R13"),
        r12: f("R12"),
        bp: f("RBP"),
        bx: f("RBX"),
        r11: f("R11"),
        r10: f("R10"),
        r9: f("R09"),
        r8: f("R08"),
        ax: f("RAX"),
        cx: f("RCX"),
        dx: f("RDX"),
        si: f("RSI"),
        di: f("RDI"),
        orig_ax: u64::MAX,
        ip: 0,
        cs: 0x10,
        flags: f("EFLAGS"),
        sp,
        ss: 0x18,
    }
}

/// `name+0xoff/0xsize [module]`.
fn place(text: &'static str) -> Option<(&'static str, u64, u64, &'static str)> {
    let (name, rest) = text.split_once("+0x")?;
    let (offset, rest) = rest.split_once("/0x")?;
    let module = rest.split_once(" [")?.1.strip_suffix(']')?;
    Some((name, hex(offset), hex(rest), module))
}

fn facts(text: &'static str) -> Facts {
    let cpu_line = line(text, "CPU: ");
    let mut words = cpu_line.split(' ');
    let linked = line(text, "Modules linked in: ").split(' ').map(|module| {
        let (name, flags) = module.split_once('(').expect("flags");
        let state = match flags.as_bytes() {
            [.., b'+', b')'] => State::Coming,
            [.., b'-', b')'] => State::Going,
            _ => State::Live,
        };
        Linked { name: name.to_string(), taints: 3 << 12, state }
    });
    let mut facts = Facts {
        features: "PREEMPT SMP NOPTI".to_string(),
        hardware: line(text, "Hardware name: ").to_string(),
        cpu: words.next().and_then(|w| w.parse().ok()).expect("a CPU"),
        pid: words.nth(1).and_then(|w| w.parse().ok()).expect("a pid"),
        comm: words.nth(1).expect("a name").to_string(),
        tainted: 3 << 12 | if cpu_line.contains(" D ") { 1 << bit::DIE } else { 0 },
        linked: linked.collect(),
        control: Control {
            fs_base: field(text, "FS"),
            gs_base: field(text, " GS"),
            cr0: field(text, "CR0"),
            cr3: field(text, "CR3"),
            cr4: field(text, "CR4"),
        },
        policy: Policy { panic_timeout: -1, ..Policy::default() },
        ..Facts::default()
    };
    facts.set_uname("6.1.0-56-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-02)");
    facts
}

/// A world in which the module's functions lie where the record says, one after the other on the stack.
fn world(case: &Case) -> (Fake, Regs, (u64, u64)) {
    let mut world = Fake::new();
    let mut regs = regs(case.text);
    world.facts = facts(case.text);
    let code = line(case.text, "Code: ");
    let ip = code.strip_prefix("Unable to access opcode bytes at 0x").map(|begin| hex(begin).wrapping_add(42));
    regs.ip = ip.unwrap_or(0xffff_ffff_c03f_f000);
    if ip.is_none() {
        let bytes: Vec<u8> = code.split(' ').map(|byte| hex(byte.trim_start_matches('<')) as u8).collect();
        world.put(regs.ip - 42, &bytes);
    }
    let base = if regs.ip == 0 { 0x1000_0000 } else { regs.ip & !0xf_ffff };
    let mut table_at = base;
    let mut add = |world: &mut Fake, addr: u64, place: (&'static str, u64, u64, &'static str)| {
        let (name, _, size, module) = place;
        table_at = table_at.min(addr);
        world.named.push(Named { addr, size, name, module: Some(module), text: true });
    };
    if let Some(place) = place(line(case.text, "RIP: 0010:")) {
        add(&mut world, regs.ip - place.1, place);
    }
    let trace = case.text.split_once(" <TASK>\n").and_then(|(_, rest)| rest.split_once(" </TASK>")).expect("a trace").0;
    let mut stack = Vec::new();
    for (i, frame) in trace.lines().filter_map(|line| place(line.trim_start_matches([' ', '?']))).enumerate() {
        let start = base + 0x10_0000 * (i as u64 + 1);
        add(&mut world, start, frame);
        stack.resize(stack.len() + case.frame as usize / 8 - 1, 0);
        stack.push(start + frame.1);
    }
    // Where the call came from: no code of a module.
    stack.resize(stack.len() + case.frame as usize / 8, 0x5555);
    let top = regs.sp + 8 * stack.len() as u64;
    world.put_words(regs.sp, &stack);
    world.stretches = vec![Stretch { border: regs.sp, top }];
    let entry = [(case.frame as u16).to_le_bytes(), [0; 2], [5, 0]].concat();
    world.orc = Some(OrcTable { ips: Table { addr: table_at, bytes: vec![0; 4].into() }, entries: entry.into() });
    let low = if case.overflow { regs.sp.next_multiple_of(4096) } else { regs.sp & !0x3fff };
    (world, regs, (low, top))
}

fn report(reporter: &mut Reporter, case: &Case) -> (Report, Vec<String>) {
    let (world, mut regs, stack) = world(case);
    let mut trap = Trap {
        kind: case.kind,
        regs: &mut regs,
        code: case.code,
        addr: case.addr,
        stack_overflow: case.overflow,
        stack,
    };
    let report = reporter.trap(&world, &mut trap);
    let lines = comparable(report.lines.iter().map(|line| line.text.as_str()));
    (report, lines)
}

#[track_caller]
fn check(case: &Case) -> Report {
    let (report, lines) = report(&mut Reporter::default(), case);
    assert_eq!(lines.join("\n"), comparable(case.text.lines()).join("\n"));
    assert_eq!((report.taint, report.verbose), (1 << bit::DIE, true));
    report
}

fn dies(signal: i32, irqs_disabled: bool) -> Next {
    Next::Die { signal, irqs_disabled }
}

#[test]
fn null_pointer_in_one_module_called_by_another() {
    let case = Case::new(include_str!("recorded/two-modules.txt"), TrapKind::PageFault, 2, 0x20);
    assert_eq!(check(&case).next, dies(SIGKILL, true));
}

#[test]
fn write_to_code() {
    let case = Case::new(include_str!("recorded/write-text.txt"), TrapKind::PageFault, 3, 0x1234);
    let (_, lines) = report(&mut Reporter::default(), &case);
    // The host shows addresses of the upper half as mapped; the report must not.
    let upper = Case { addr: 0xffff_ffff_c059_6000, ..case };
    let (_, upper) = report(&mut Reporter::default(), &upper);
    let recorded = comparable(include_str!("recorded/write-text.txt").lines());
    let same =
        |a: &[String]| a.iter().zip(&recorded).filter(|(a, b)| a != b).map(|(a, _)| a.clone()).collect::<Vec<_>>();
    assert_eq!(
        same(&lines),
        ["BUG: kernel NULL pointer dereference, address: 0000000000001234", "CR2: 0000000000001234"]
            .map(|line| line
                .replace("kernel NULL pointer dereference, address", "unable to handle page fault for address"))
    );
    assert_eq!(same(&upper), ["#PF: error_code(0x0002) - not-present page", "Oops: 0002 [#1] PREEMPT SMP NOPTI"]);
}

#[test]
fn call_of_null_unwinds_to_its_caller() {
    let case = Case::new(include_str!("recorded/null-call.txt"), TrapKind::PageFault, 0x10, 0);
    assert_eq!(check(&case).next, dies(SIGKILL, true));
}

#[test]
fn call_of_freed_code_leaves_only_doubtful_frames() {
    let text = include_str!("recorded/freed-init.txt");
    assert_eq!(check(&Case::new(text, TrapKind::PageFault, 0x10, 0xffff_ffff_c03c_200a)).next, dies(SIGKILL, true));
}

#[test]
fn general_protection_names_the_address() {
    let text = include_str!("recorded/non-canonical.txt");
    let case = Case::new(text, TrapKind::GeneralProtection, 0, 0xffff_ffff_c036_8ff1);
    let (mut world, mut regs, stack) = world(&case);
    // mov (%rax),%rax
    world.put(regs.ip, &[0x48, 0x8b, 0, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90]);
    let mut trap = Trap { kind: case.kind, regs: &mut regs, code: 0, addr: case.addr, stack_overflow: false, stack };
    let report = Reporter::default().trap(&world, &mut trap);
    let lines = comparable(report.lines.iter().map(|line| line.text.as_str()));
    assert_eq!(lines.join("\n"), comparable(text.lines()).join("\n"));
    assert_eq!(report.next, dies(SIGSEGV, false));
}

#[test]
fn a_bug_is_found_in_the_modules_table() {
    let text = include_str!("recorded/bug.txt");
    let (mut world, mut regs, stack) = world(&Case::new(text, TrapKind::InvalidOpcode, 0, 0));
    // The table and the file's name lie behind the code; of the code, only the instruction can be read.
    let table = regs.ip + 0x8000;
    let mut entry = (-0x8000i32).to_le_bytes().to_vec();
    entry.extend(0x1000i32.to_le_bytes());
    entry.extend([3, 0, 0, 0]);
    world.put(regs.ip, &[0x0f, 0x0b]);
    world.put(table, &entry);
    world.put(table + 0x1004, b"bugon.c\0");
    world.bugs = Some((table, 12));
    let kind = TrapKind::InvalidOpcode;
    let mut trap = Trap { kind, regs: &mut regs, code: 0, addr: 0, stack_overflow: false, stack };
    let report = Reporter::default().trap(&world, &mut trap);
    let lines = comparable(report.lines.iter().map(|line| line.text.as_str()));
    // The line before the first one is not for the console.
    assert_eq!(lines.join("\n"), comparable(text.lines()).join("\n"));
    assert_eq!(report.lines[0].text, "------------[ cut here ]------------");
    assert_eq!(report.next, dies(SIGSEGV, false));
}

#[test]
fn division_by_zero() {
    let text = include_str!("recorded/divide.txt");
    let case = Case::new(text, TrapKind::Divide, 0, field(text, "CR2"));
    assert_eq!(check(&case).next, dies(SIGSEGV, false));
}

#[test]
fn a_breakpoint_panics() {
    let text = include_str!("recorded/int3.txt");
    let report = check(&Case::new(text, TrapKind::Breakpoint, 0, field(text, "CR2")));
    assert_eq!(report.next, Next::Panic("Fatal exception in interrupt".to_string()));
}

#[test]
fn a_stack_overflow_panics_and_shows_the_stack_above_the_guard_page() {
    let text = include_str!("recorded/stack-overflow.txt");
    let case = Case::new(text, TrapKind::PageFault, 2, field(text, "CR2"));
    let report = check(&Case { frame: 0x110, overflow: true, ..case });
    assert_eq!(report.next, Next::Panic("Fatal exception in interrupt".to_string()));
    assert_eq!(report.lines[0].level, Level::Emerg);
}

#[test]
fn the_second_oops_ends_with_the_registers_of_the_first() {
    let text = include_str!("recorded/twice.txt");
    let second = text.rfind("BUG:").expect("two reports");
    let (first, second) = text.split_at(second);
    let first = Case::new(first, TrapKind::PageFault, 2, 0x60);
    let second = Case::new(second, TrapKind::PageFault, 2, 0x70);
    let mut reporter = Reporter::default();
    assert_eq!(report(&mut reporter, &first).1.join("\n"), comparable(first.text.lines()).join("\n"));
    // What the second one shows of the first: a name that its world must know, and the segments of the second.
    let (mut world, mut regs, stack) = world(&second);
    let summary = second.text.rfind("RIP: 0010:").map(|at| &second.text[at..]).expect("a summary");
    let (name, offset, size, module) = place(line(summary, "RIP: 0010:")).expect("a place");
    let ip = hex(line(summary, "Code: Unable to access opcode bytes at 0x")) + 42;
    world.named.insert(0, Named { addr: ip - offset, size: 0x10.min(size), name, module: Some(module), text: true });
    let shown = world.symbol(ip).expect("the first one's symbol").size;
    assert_eq!(shown, 0x10);
    let mut trap =
        Trap { kind: second.kind, regs: &mut regs, code: 2, addr: second.addr, stack_overflow: false, stack };
    let lines = reporter.trap(&world, &mut trap).lines;
    let lines =
        comparable(lines.iter().map(|line| line.text.as_str())).join("\n").replace("/0x10 [first]", "/0xffb [first]");
    assert_eq!(lines, comparable(second.text.lines()).join("\n"));
    assert_eq!(reporter.count(), 2);
}

#[test]
fn levels_are_the_kernels() {
    let text = include_str!("recorded/two-modules.txt");
    let (report, _) = report(&mut Reporter::default(), &Case::new(text, TrapKind::PageFault, 2, 0x20));
    let level = |start: &str| report.lines.iter().find(|line| line.text.starts_with(start)).map(|line| line.level);
    assert_eq!(level("BUG:"), Some(Level::Alert));
    assert_eq!(level("#PF: error_code"), Some(Level::Alert));
    assert_eq!(level("PGD 0 P4D 0 "), Some(Level::Info));
    assert_eq!(level("Oops:"), Some(Level::Default));
    assert_eq!(level("RIP:"), Some(Level::Default));
    assert_eq!(level("---[ end"), Some(Level::Warning));
}
