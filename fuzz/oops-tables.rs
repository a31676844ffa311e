//! Traps of a module whose tables, stack and registers are any bytes: exception table, bug table, unwinder, reports.
//!
//! Input: version and kind of the trap, registers, then unwind tables, bug table, exception table, and memory.
#![no_main]

mod input;

use input::Input;
use kernel::oops::{Facts, Missing, OrcTable, Reporter, Symbol, Table, World};
use machine::enter::Stretch;
use machine::{Regs, Trap, TrapKind};

/// Code, tables and data of the module.
const BASE: u64 = 0x2000_0000;
/// Its stack.
const STACK: u64 = 0x3000_0000;
const STACK_LEN: u64 = 0x4000;

/// Where each table begins.
const IPS: u64 = BASE + 0x4000;
const BUGS: u64 = BASE + 0x5000;
const EXCEPTIONS: u64 = BASE + 0x6000;
const DATA: u64 = BASE + 0x7000;

struct Module<'a> {
    ips: &'a [u8],
    entries: &'a [u8],
    bugs: &'a [u8],
    exceptions: &'a [u8],
    memory: &'a [u8],
    facts: Facts,
}

impl Module<'_> {
    fn at(&self, addr: u64) -> Option<u8> {
        let within = |base: u64, bytes: &[u8]| {
            let at = usize::try_from(addr.checked_sub(base)?).ok()?;
            bytes.get(at).copied()
        };
        // Code, stack and data show the same bytes.
        let tables = [(IPS, self.ips), (BUGS, self.bugs), (EXCEPTIONS, self.exceptions)];
        let places = [(BASE, self.memory), (STACK, self.memory), (DATA, self.memory)];
        tables.into_iter().chain(places).find_map(|(base, bytes)| within(base, bytes))
    }
}

impl World for Module<'_> {
    fn read_u64(&self, addr: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_bytes(addr, &mut bytes).then(|| u64::from_le_bytes(bytes))
    }

    fn read_bytes(&self, addr: u64, to: &mut [u8]) -> bool {
        to.iter_mut().enumerate().all(|(i, byte)| {
            let found = self.at(addr.wrapping_add(i as u64));
            *byte = found.unwrap_or(0);
            found.is_some()
        })
    }

    fn write_u16(&self, addr: u64, _: u16) -> bool {
        self.at(addr).is_some()
    }

    fn symbol(&self, addr: u64) -> Option<Symbol> {
        let offset = addr.wrapping_sub(BASE);
        (offset < 0x4000).then(|| Symbol {
            name: format!("function{}", offset / 256),
            offset: offset % 256,
            size: 256,
            module: Some("module".into()),
        })
    }

    fn is_text(&self, addr: u64) -> bool {
        addr.wrapping_sub(BASE) < 0x4000
    }

    fn orc(&self, ip: u64) -> Option<OrcTable<'_>> {
        let ips = Table { addr: IPS, bytes: self.ips.into() };
        self.is_text(ip).then(|| OrcTable { ips, entries: self.entries.into() })
    }

    fn bugs(&self, _: u64) -> Option<Table<'_>> {
        Some(Table { addr: BUGS, bytes: self.bugs.into() })
    }

    fn exceptions(&self, _: u64) -> Option<Table<'_>> {
        Some(Table { addr: EXCEPTIONS, bytes: self.exceptions.into() })
    }

    fn missing(&self, addr: u64) -> Option<Missing> {
        (addr % 64 == 5).then(|| Missing { name: "missing".into(), variable: addr & 64 != 0 })
    }

    fn stretches(&self) -> Vec<Stretch> {
        let word = |at| self.read_u64(DATA + at).map_or(STACK + 64, |word| STACK + word % STACK_LEN);
        vec![Stretch { border: word(0), top: word(8) }, Stretch { border: word(16), top: STACK + STACK_LEN }]
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

fn registers(input: &mut Input<'_>) -> Regs {
    let mut regs = Regs::default();
    for register in [
        &mut regs.r15,
        &mut regs.r14,
        &mut regs.r13,
        &mut regs.r12,
        &mut regs.bx,
        &mut regs.r11,
        &mut regs.r10,
        &mut regs.r9,
        &mut regs.r8,
        &mut regs.ax,
        &mut regs.cx,
        &mut regs.dx,
        &mut regs.si,
        &mut regs.di,
    ] {
        *register = input.address(DATA, 0x1000);
    }
    regs.ip = input.address(BASE, 0x400);
    regs.sp = input.address(STACK, 0x400);
    regs.bp = input.address(STACK, 0x400);
    regs.flags = input.short().into();
    regs
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (version, kind, code) = (input.byte(), input.byte(), input.byte());
    let mut regs = registers(&mut input);
    let addr = input.address(DATA, 0x1000);
    let mut facts = Facts::default();
    let release = if version & 1 == 0 { "6.1.0-56-amd64" } else { "6.12.117+deb12-amd64" };
    facts.set_uname(release, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-01-01)");
    facts.in_interrupt = version & 2 != 0;
    facts.policy.panic_on_oops = version & 4 != 0;
    facts.policy.panic_on_warn = version & 8 != 0;
    let module = Module {
        ips: input.counted(),
        entries: input.counted(),
        bugs: input.counted(),
        exceptions: input.counted(),
        memory: input.0,
        facts,
    };
    use TrapKind::*;
    let kinds = [Divide, Debug, Breakpoint, InvalidOpcode, GeneralProtection, PageFault, Other(kind), Lockup];
    let kind = kinds[usize::from(kind) % kinds.len()];
    let mut trap = Trap {
        kind,
        regs: &mut regs,
        code: code.into(),
        addr,
        stack_overflow: version & 16 != 0,
        stack: (STACK, STACK + STACK_LEN),
    };
    let mut reporter = Reporter::default();
    for _ in 0..2 {
        let report =
            if kind == Lockup { reporter.soft_lockup(&module, &trap, 26) } else { reporter.trap(&module, &mut trap) };
        assert!(report.lines.len() < 4096, "{} lines", report.lines.len());
    }
    kernel::oops::dump_stack(&module);
});
