//! Traps: what happens when module code faults.
//!
//! The signal handler only notes the registers and the cause, and makes the thread continue in `dispatch`, outside
//! of signal context, on the thread's own stack: the module's frames stay as they were. `dispatch` asks the kernel
//! ([`crate::Config::on_trap`]) whether module code goes on (with registers that it may have changed) or is abandoned.
//! A fault of Rust code in [`crate::access`] is mended in the handler; any other fault of ours is our bug.

use crate::error::MachineError;
use crate::task::{Context, context};
use crate::{arch, arena, cpu};
use std::sync::OnceLock;

pub use crate::arch::Regs;

/// What kind of trap it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrapKind {
    /// Vector 0: division by zero or overflow.
    Divide,
    /// Vector 1: single step or data breakpoint.
    Debug,
    /// Vector 3: int3; `regs.ip` is behind it.
    Breakpoint,
    /// Vector 6: invalid opcode; `ud2` of BUG and WARN, or a stub without an implementation.
    InvalidOpcode,
    /// Vector 13: non-canonical address, privileged instruction.
    #[default]
    GeneralProtection,
    /// Vector 14.
    PageFault,
    /// Another vector.
    Other(u8),
    /// Not a fault: [`crate::task::Handle::kick`] met module code.
    Lockup,
}

/// A trap of module code.
#[derive(Debug)]
pub struct Trap<'a> {
    /// Its kind.
    pub kind: TrapKind,
    /// The registers at the trap, laid out as `struct pt_regs`; changes take effect on [`Action::Resume`].
    pub regs: &'a mut Regs,
    /// The processor's error code without its user bit: for page faults bit 0 present, 1 write, 4 fetch.
    pub code: u64,
    /// The faulting address of a page fault.
    pub addr: u64,
    /// The fault lies in the guard page below the module stack.
    pub stack_overflow: bool,
    /// Bounds of the module stack: lowest address, one past the highest.
    pub stack: (u64, u64),
}

/// What follows a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Module code continues with the registers in [`Trap::regs`].
    Resume,
    /// The innermost call into module code returns [`crate::Died`].
    Abandon,
}

/// The trap as the handler left it.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Raised {
    /// First: assembler restores from here.
    pub(crate) regs: Regs,
    kind: TrapKind,
    code: u64,
    addr: u64,
}

struct Hooks {
    on_trap: fn(&mut Trap) -> Action,
    on_bug: fn(&str) -> !,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

pub(crate) fn kick_signal() -> i32 {
    libc::SIGURG
}

pub(crate) fn install(on_trap: fn(&mut Trap) -> Action, on_bug: fn(&str) -> !) -> Result<(), MachineError> {
    HOOKS.set(Hooks { on_trap, on_bug }).map_err(|_| MachineError::AlreadyBooted)?;
    arch::prepare();
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, kick_signal()] {
        // SAFETY: all-zero is a valid sigaction; the handler has the SA_SIGINFO signature.
        let failed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = handle;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(signal, &action, std::ptr::null_mut()) != 0
        };
        if failed {
            return Err(MachineError::last(format!("installing a handler for signal {signal}")));
        }
    }
    Ok(())
}

extern "C" fn handle(signal: i32, _info: *mut libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: the host passes a valid ucontext to an SA_SIGINFO handler; it is this handler's alone.
    let machine = unsafe { &mut (*ucontext.cast::<libc::ucontext_t>()).uc_mcontext };
    let context = context();
    let ip = arch::ip(machine);
    // A kick can come at any instruction, also at one that may fault.
    if signal != kick_signal()
        && let Some(fixup) = arch::access_fixup(ip)
    {
        if !context.is_null() {
            // SAFETY: this thread's own context; the interrupted code is an access routine, which holds no reference.
            unsafe { (*context).access_fault = arch::fault_addr(machine) };
        }
        arch::set_ip(machine, fixup);
        return;
    }
    // SAFETY: as above; module code and the access routines hold no reference to the context.
    let Some(task) = (unsafe { context.as_mut() }) else { return outside(signal, machine) };
    let sp = arch::sp(machine);
    let runs_module =
        !task.frame.is_null() && (arena::contains(ip) || task.stack.contains(sp) || task.stack.is_guard(sp));
    if !runs_module || (signal == kick_signal() && arena::is_stub(ip)) {
        return outside(signal, machine);
    }
    let kind = if signal == kick_signal() { TrapKind::Lockup } else { kind_of(arch::vector(machine)) };
    task.raised = Raised {
        regs: arch::regs(machine),
        kind,
        code: arch::error_code(machine) & !4,
        addr: arch::fault_addr(machine),
    };
    // SAFETY: `frame` is not null and belongs to a call on this thread's stack.
    let rust_sp = unsafe { (*task.frame).rust_sp };
    arch::continue_in_dispatch(machine, rust_sp, context);
}

/// A signal that module code did not cause.
fn outside(signal: i32, machine: &libc::mcontext_t) {
    if signal == kick_signal() {
        return;
    }
    let what = format!(
        "signal {signal} (vector {}) in lkm's own code at {:#x} (lkm{:+#x}), address {:#x}",
        arch::vector(machine),
        arch::ip(machine),
        arch::ip(machine).wrapping_sub(arch::own_base()),
        arch::fault_addr(machine)
    );
    match HOOKS.get() {
        Some(hooks) => (hooks.on_bug)(&what),
        None => std::process::abort(),
    }
}

fn kind_of(vector: u64) -> TrapKind {
    match vector {
        0 => TrapKind::Divide,
        1 => TrapKind::Debug,
        3 => TrapKind::Breakpoint,
        6 => TrapKind::InvalidOpcode,
        13 => TrapKind::GeneralProtection,
        14 => TrapKind::PageFault,
        other => TrapKind::Other(other as u8),
    }
}

/// Runs after the handler, on the thread's own stack. Returns 1 to resume, 0 to abandon.
pub(crate) extern "C" fn dispatch(context: *mut Context) -> u64 {
    // SAFETY: the trampoline passes this thread's own context; nothing else uses it until this returns.
    let task = unsafe { &mut *context };
    let mut regs = task.raised.regs;
    let (kind, code, addr) = (task.raised.kind, task.raised.code, task.raised.addr);
    let stack = (task.stack.base(), task.stack.top());
    let overflow = task.stack.is_guard(addr) || task.stack.is_guard(regs.sp);
    let number = task.cpu.expect("a task that runs module code holds a CPU");
    let border = cpu::get(number, cpu::BORDER);
    // Calls that the hook makes go below the frames of the trap, or from the top if there is no room.
    let below = if task.stack.contains(regs.sp.wrapping_sub(256)) { regs.sp - 128 } else { stack.1 };
    cpu::set(number, cpu::BORDER, below);
    let mut trap = Trap { kind, regs: &mut regs, code, addr, stack_overflow: overflow, stack };
    let hooks = HOOKS.get().expect("handlers are installed after the hooks");
    let action = (hooks.on_trap)(&mut trap);
    // The hook may have slept and trapped again: write to the context only now, and find the CPU anew.
    task.raised.regs = regs;
    cpu::set(task.cpu.expect("the hook gives the CPU back"), cpu::BORDER, border);
    // Resuming needs two words below the module's stack pointer.
    u64::from(action == Action::Resume && task.stack.contains(regs.sp.wrapping_sub(16)))
}
