//! Faults of module code: what the machine's traps mean, and what the log says of them. Counterpart:
//! arch/x86/kernel/traps.c, arch/x86/mm/fault.c, kernel/panic.c. The reports themselves are written by [`crate::oops`].

mod places;

use crate::mm::{check, exact, guard, inline_access, kasan};
use crate::module::symbols::{Behind, given_at};
use crate::module::{self, State, taint};
use crate::oops::{self, Facts, Linked, Missing, Next, OrcTable, Place, Report, Reporter, Symbol, Table, World};
use crate::{borrow, log, sched, workqueue};
use kabi::{KError, KResult, VarArgs, exports, kexport, profile};
use loader::PlacedSection;
use machine::access::unwatched as access;
use machine::enter::{self, Stretch};
use machine::{Action, Trap, TrapKind, arena};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use places::{bug_in, call_chain, forget_chains, frame, frame_of_trap, warn_in};

exports![__warn_printk, __stack_chk_fail, dump_stack, panic];

static REPORTER: Mutex<Option<Reporter>> = Mutex::new(None);
static WARNINGS: AtomicU32 = AtomicU32::new(0);
static OOPSES: AtomicU32 = AtomicU32::new(0);
/// Imports without an implementation that were called or touched.
static TRAPPED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// After how many milliseconds a task that never gave way is locked up; 0 while there is no watchdog.
static SOFTLOCKUP_MS: AtomicU64 = AtomicU64::new(0);

/// `kernel.panic`: seconds from a panic to the reboot.
pub static PANIC_TIMEOUT: AtomicI32 = AtomicI32::new(0);
/// `kernel.panic_on_oops`.
pub static PANIC_ON_OOPS: AtomicI32 = AtomicI32::new(0);
/// `kernel.panic_on_warn`.
pub static PANIC_ON_WARN: AtomicI32 = AtomicI32::new(0);
/// `kernel.softlockup_panic`.
pub static SOFTLOCKUP_PANIC: AtomicI32 = AtomicI32::new(0);
/// `kernel.oops_limit`. Kept but not looked at: a panic here ends only its caller, as the oops has done already.
pub static OOPS_LIMIT: AtomicU64 = AtomicU64::new(10_000);
/// `kernel.warn_limit`, as [`OOPS_LIMIT`].
pub static WARN_LIMIT: AtomicU64 = AtomicU64::new(0);
/// `kernel.panic_print`, as [`OOPS_LIMIT`].
pub static PANIC_PRINT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The signal by which the last death in this thread ends the caller.
    static DEATH_SIGNAL: std::cell::Cell<i32> = const { std::cell::Cell::new(SIGKILL) };
}

const SIGKILL: i32 = 9;

/// The signal that ends the caller whose task died in this thread.
pub fn death_signal() -> i32 {
    DEATH_SIGNAL.replace(SIGKILL)
}

/// How many oopses there were.
pub fn oopses() -> u32 {
    OOPSES.load(Ordering::Relaxed)
}

/// How many warnings there were.
pub fn warnings() -> u32 {
    WARNINGS.load(Ordering::Relaxed)
}

/// Imports without an implementation that were called or touched.
pub fn trapped() -> Vec<String> {
    TRAPPED.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Starts the watchdog: a task that runs module code for longer than `softlockup` without giving way is reported.
pub fn boot(softlockup: Duration) {
    set_softlockup(softlockup);
    // Without the thread nothing but the report of a lockup is missing.
    let _ = std::thread::Builder::new().name("watchdog".into()).stack_size(64 << 10).spawn(move || {
        loop {
            let limit = self::softlockup();
            std::thread::sleep((limit / 10).clamp(Duration::from_millis(1), Duration::from_millis(500)));
            sched::kick_hogs(limit);
        }
    });
}

/// Where Linux puts modules on x86-64, as reports write addresses of module memory.
const MODULE_AREA: u64 = 0xffff_ffff_c000_0000;
/// Lowest link address of kernel images on x86-64 (`__START_KERNEL_map`).
const IMAGE: u64 = 0xffff_ffff_8000_0000;

/// What an address belongs to: lkm's own entry points, a module, or the kernel image.
pub fn symbolize(addr: u64) -> Option<Symbol> {
    if arena::is_stub(addr) {
        let (start, given) = given_at(addr)?;
        let size = profile().symbol(&given.name).map_or(given.len, |s| s.size);
        return Some(Symbol { name: given.name, offset: addr - start, size, module: None });
    }
    if let Some(module) = module::containing(addr) {
        let image = module.image();
        let symbol = image.symbol_at(addr)?;
        return Some(Symbol {
            name: symbol.name.to_string(),
            offset: addr - symbol.addr,
            size: symbol.size,
            module: Some(module.name().to_string()),
        });
    }
    let addr = borrow::link_address(addr).unwrap_or(addr);
    if let Some((start, given)) = given_at(addr) {
        return Some(Symbol { name: given.name, offset: addr - start, size: given.len, module: None });
    }
    // Below are offsets of per-CPU variables, which kallsyms keeps as symbols too.
    if addr < IMAGE {
        return None;
    }
    let (symbol, offset) = profile().symbol_at(addr)?;
    (offset < symbol.size).then(|| Symbol { name: symbol.name.to_string(), offset, size: symbol.size, module: None })
}

/// `%pS` of a code address, for reports.
pub fn describe(addr: u64) -> String {
    oops::describe_return(&Instance, addr)
}

/// The running instance as reports see it.
struct Instance;

fn bytes_of(section: &PlacedSection) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(section.size).ok()?];
    access::read(section.addr, &mut bytes).ok()?;
    Some(bytes)
}

fn table_at(ip: u64, name: &str) -> Option<Table<'static>> {
    let module = module::containing(ip)?;
    let image = module.image();
    let section = image.section(name)?;
    Some(Table { addr: section.addr, bytes: Cow::Owned(bytes_of(section)?) })
}

impl World for Instance {
    fn read_u64(&self, addr: u64) -> Option<u64> {
        access::get(addr).ok()
    }

    fn read_bytes(&self, addr: u64, to: &mut [u8]) -> bool {
        exact::read(addr, to)
    }

    fn write_u16(&self, addr: u64, value: u16) -> bool {
        access::put(addr, value).is_ok()
    }

    fn symbol(&self, addr: u64) -> Option<Symbol> {
        symbolize(addr)
    }

    fn is_text(&self, addr: u64) -> bool {
        let in_module = |m: std::sync::Arc<module::Module>| {
            m.image().sections.iter().any(|s| s.exec && addr.wrapping_sub(s.addr) < s.size)
        };
        arena::is_stub(addr) && given_at(addr).is_some()
            || borrow::link_address(addr).is_some()
            || module::containing(addr).is_some_and(in_module)
    }

    fn orc(&self, ip: u64) -> Option<OrcTable<'_>> {
        let entries = table_at(ip, ".orc_unwind")?.bytes;
        Some(OrcTable { ips: table_at(ip, ".orc_unwind_ip")?, entries })
    }

    fn bugs(&self, ip: u64) -> Option<Table<'_>> {
        table_at(ip, "__bug_table")
    }

    fn exceptions(&self, ip: u64) -> Option<Table<'_>> {
        table_at(ip, "__ex_table")
    }

    fn missing(&self, addr: u64) -> Option<Missing> {
        let (_, given) = given_at(addr).filter(|(_, given)| given.behind == Behind::Trap)?;
        TRAPPED.lock().unwrap_or_else(PoisonError::into_inner).insert(given.name.clone());
        Some(Missing { name: given.name, variable: !arena::is_stub(addr) })
    }

    /// DIFFERS: module memory lies low in this process; reports write its addresses as Linux would, in the module area.
    fn shown(&self, addr: u64) -> u64 {
        if arena::contains(addr) { addr - arena::BASE + MODULE_AREA } else { addr }
    }

    fn stretches(&self) -> Vec<Stretch> {
        enter::stretches()
    }

    fn facts(&self) -> Facts {
        let caller = sched::caller();
        let mut facts = Facts {
            features: "PREEMPT SMP PTI".to_string(),
            hardware: "lkm user-space kernel".to_string(),
            cpu: machine::task::current_cpu().unwrap_or(0),
            pid: caller.tid as i32,
            uid: caller.uid,
            comm: caller.comm,
            tainted: taint::bits(),
            linked: module::all().iter().map(|m| linked(m)).collect(),
            last_unloaded: module::unload::last(),
            worker: workqueue::current_worker(),
            in_interrupt: sched::serves_interrupt(),
            ..Facts::default()
        };
        let is_set = |setting: &AtomicI32| setting.load(Ordering::Relaxed) != 0;
        facts.policy = oops::Policy {
            panic_on_oops: is_set(&PANIC_ON_OOPS),
            panic_on_warn: is_set(&PANIC_ON_WARN),
            softlockup_panic: is_set(&SOFTLOCKUP_PANIC),
            panic_timeout: PANIC_TIMEOUT.load(Ordering::Relaxed),
        };
        facts.set_uname(profile().release(), profile().version());
        facts
    }
}

fn linked(module: &module::Module) -> Linked {
    let state = match module.state() {
        State::Live => oops::State::Live,
        State::Coming | State::Unformed => oops::State::Coming,
        State::Going => oops::State::Going,
    };
    Linked { name: module.name().to_string(), taints: module.taints.load(Ordering::Relaxed), state }
}

/// Writes a report and says what follows for the module's call.
fn publish(report: Report, is_warning: bool) -> Action {
    if report.verbose {
        log::console_verbose();
    }
    for line in &report.lines {
        log::line(line.level.number(log::default_level()), &line.text);
    }
    taint::add_bits(report.taint);
    if report.taint & 1 << taint::Taint::Die as u32 != 0 {
        taint::end_lock_debugging();
    }
    match report.next {
        Next::Resume => {
            if is_warning && report.taint != 0 {
                WARNINGS.fetch_add(1, Ordering::Relaxed);
            }
            Action::Resume
        }
        Next::Die { irqs_disabled, signal } => {
            DEATH_SIGNAL.set(signal);
            exit_notes(irqs_disabled);
            OOPSES.fetch_add(1, Ordering::Relaxed);
            Action::Abandon
        }
        // DIFFERS: a panic of the real kernel stops the machine; here it ends the caller, as an oops does.
        Next::Panic(_) => {
            OOPSES.fetch_add(1, Ordering::Relaxed);
            Action::Abandon
        }
    }
}

/// What a dying task had switched off is said and switched on again (`make_task_dead`).
fn exit_notes(irqs_disabled: bool) {
    let caller = sched::caller();
    let off = irqs_disabled || sched::irqs_off();
    for line in oops::exit_notes(&caller.comm, caller.tid as i32, off, sched::preempt_count()) {
        log::line(line.level.number(log::default_level()), &line.text);
    }
    sched::set_preempt_count(0);
    sched::set_irqs_off(false);
}

/// How long a task may run without giving way.
pub fn softlockup() -> Duration {
    match SOFTLOCKUP_MS.load(Ordering::Relaxed) {
        0 => Duration::MAX,
        ms => Duration::from_millis(ms),
    }
}

/// Sets how long a task may run without giving way; zero switches the watchdog off.
pub fn set_softlockup(limit: Duration) {
    SOFTLOCKUP_MS.store(u64::try_from(limit.as_millis()).unwrap_or(0), Ordering::Relaxed);
}

fn with_reporter(make: impl FnOnce(&mut Reporter) -> Report) -> Report {
    make(REPORTER.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// The machine's hook: module code trapped.
pub fn on_trap(trap: &mut Trap) -> Action {
    match exact::meet(trap.kind, trap.regs) {
        exact::Met::Nothing => module_trap(trap),
        exact::Met::Done => Action::Resume,
        exact::Met::Moved(real) => {
            let seen = *trap.regs;
            let action = module_trap(trap);
            // The same instruction again: where it is now.
            if trap.regs.ip == seen.ip {
                trap.regs.ip = real.ip;
                trap.regs.sp = trap.regs.sp.wrapping_add(real.sp).wrapping_sub(seen.sp);
            }
            action
        }
    }
}

fn module_trap(trap: &mut Trap) -> Action {
    if trap.kind == TrapKind::Lockup {
        return lockup(trap);
    }
    if trap.kind == TrapKind::Breakpoint && machine::livepatch::is_transient(trap.regs.ip.wrapping_sub(1)) {
        trap.regs.ip = trap.regs.ip.wrapping_sub(1);
        return Action::Resume;
    }
    if trap.kind == TrapKind::Breakpoint {
        match inline_access::perform(trap.regs) {
            inline_access::Outcome::Foreign => {}
            inline_access::Outcome::Done => return Action::Resume,
            // As the processor would have raised it; bit 1 of the code is for the report only.
            inline_access::Outcome::Failed(addr) => {
                (trap.kind, trap.addr, trap.code) = (TrapKind::PageFault, addr, 0);
            }
        }
    }
    if borrowed(trap) || let_through(trap) {
        return Action::Resume;
    }
    let privileged = if trap.kind == TrapKind::GeneralProtection { inline_access::privileged(trap.regs) } else { None };
    let report = with_reporter(|r| r.trap(&Instance, trap));
    if let (Some(what), Next::Die { .. }) = (privileged, &report.next) {
        log::line(1, &format!("BUG: an instance has no hardware for the privileged instruction {what}"));
    }
    publish(report, true)
}

/// Module code came to memory that guard mode has closed: reported; true if it goes on.
fn let_through(trap: &Trap) -> bool {
    const WRITE: u64 = 2;
    const FETCH: u64 = 16;
    if trap.kind != TrapKind::PageFault || trap.code & FETCH != 0 || !check::guards() {
        return false;
    }
    let (write, ip) = (trap.code & WRITE != 0, trap.regs.ip);
    // Some instructions read whole words over an end on purpose.
    if oops::extable::expects_faults(&Instance, ip) {
        return false;
    }
    guard::on_fault(guard::Access { addr: trap.addr, size: inline_access::size_at(ip), write, ip, by: None })
}

/// Module code came to a function that lkm does not have: true if the image's own can run instead.
fn borrowed(trap: &mut Trap) -> bool {
    let ip = trap.regs.ip;
    match trap.kind {
        TrapKind::InvalidOpcode if arena::is_stub(ip) => {
            let Some((_, given)) = given_at(ip).filter(|(_, given)| given.behind != Behind::Lkm) else { return false };
            match borrow::function(&given.name) {
                Ok(addr) => {
                    module::symbols::lead_to(ip, addr);
                    trap.regs.ip = addr;
                }
                Err(reason) => {
                    log::line(7, &format!("lkm: {} cannot be borrowed from the kernel image: {reason}", given.name));
                    return false;
                }
            }
            true
        }
        TrapKind::Breakpoint if borrow::entered(ip.wrapping_sub(1)) => {
            trap.regs.ip = ip.wrapping_sub(1);
            true
        }
        TrapKind::PageFault if trap.addr == ip => borrow::entered(ip),
        TrapKind::PageFault if !arena::is_stub(trap.addr) => {
            let variable = given_at(trap.addr).filter(|(_, given)| given.behind == Behind::Trap);
            let value = variable.and_then(|(start, given)| Some((start, borrow::constant(&given.name).ok()?)));
            value.is_some_and(|(start, bytes)| module::symbols::give_value(start, &bytes))
        }
        _ => false,
    }
}

/// After this many reports a task that never gives way ends.
const LOCKUP_REPORTS: u64 = 3;

/// DIFFERS: Linux reports a soft lockup again and again and lets it go on. So does lkm, until the last report: nothing
/// else would ever end a run whose module does not.
fn lockup(trap: &mut Trap) -> Action {
    thread_local! {
        static REPORTED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }
    let (running, limit) = (sched::running_for(), softlockup());
    let due = (running.as_millis() / limit.as_millis().max(1)) as u64;
    let reported = REPORTED.get().min(due);
    REPORTED.set(due);
    if due == reported {
        return Action::Resume;
    }
    let report = with_reporter(|r| r.soft_lockup(&Instance, trap, running.as_secs()));
    let action = publish(report, false);
    if due < LOCKUP_REPORTS {
        return action;
    }
    OOPSES.fetch_add(1, Ordering::Relaxed);
    Action::Abandon
}

/// kabi's hook: an exported function failed in a way that C cannot express. Its caller dies.
pub fn on_bad_call(name: &'static str, cause: KError) {
    let function = module::symbols::address_of(name).ok().flatten().unwrap_or(0);
    if let (KError::Fault(fault), true) = (cause, check::guards()) {
        // The function has failed already; what was found is said before the oops.
        let by = Some(kasan::name_for_people(name));
        guard::on_fault(guard::Access { addr: fault.addr, size: 0, write: fault.write, ip: 0, by });
    }
    let report = match cause {
        KError::Fault(fault) => {
            let body = function + first_instruction(name);
            with_reporter(|r| r.kernel_fault(&Instance, body, name, fault.addr, fault.write))
        }
        other => with_reporter(|r| r.bad_call(&Instance, function, name, &other.to_string())),
    };
    publish(report, false);
}

/// Where a function of the kernel's image begins to work: behind the mark of a target of indirect calls, which newer
/// kernels' functions have.
pub fn first_instruction(name: &str) -> u64 {
    const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
    let marked = profile().initial_value(name).is_some_and(|code| code.starts_with(&ENDBR64));
    if marked { ENDBR64.len() as u64 } else { 0 }
}

/// Writes a warning that points to the module code that called.
pub fn warn_at_caller() {
    let ip = module::callers().first().copied().unwrap_or(0);
    let place = Place { file: None, line: 0, ip, taint: taint::Taint::Warn as u32 };
    let report = with_reporter(|r| r.warn_call(&Instance, place, None));
    publish(report, true);
}

/// Writes the message of a WARN; the report follows when the module executes its `ud2`.
#[kexport(since = "4.15", header = "asm-generic/bug.h")]
fn __warn_printk(fmt: kabi::KPtr, args: VarArgs) -> KResult {
    log::line(4, "------------[ cut here ]------------");
    log::printk(None, &crate::env::format(fmt.addr(), args.0)?);
    Ok(())
}

/// A function found its stack's canary damaged. DIFFERS: the real kernel panics; here the caller dies.
#[kexport(since = "2.6.25", header = "linux/stackprotector.h")]
fn __stack_chk_fail() -> KResult {
    let report = oops::stack_protector(&Instance);
    publish(report, false);
    Err(KError::Died)
}

/// Stops the machine with a message. DIFFERS: here it ends the caller.
#[kexport(since = "2.6.0", header = "linux/panic.h")]
fn panic(fmt: kabi::KPtr, args: VarArgs) -> KResult {
    let text = crate::env::format(fmt.addr(), args.0)?;
    publish(oops::panic(&Instance, &String::from_utf8_lossy(&text)), false);
    Err(KError::Died)
}

/// Writes the call trace of the current task.
#[kexport(since = "2.6.0", header = "linux/printk.h")]
pub fn dump_stack() {
    for line in oops::dump_stack(&Instance) {
        log::line(line.level.number(log::default_level()), &line.text);
    }
}
