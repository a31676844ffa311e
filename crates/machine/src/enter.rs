//! Calls into module code, and the two ways out of it.
//!
//! [`call`] runs a module function on the task's module stack. It comes back with the function's result, or with
//! [`Died`] when the call was abandoned: after a trap that cannot be mended, or because a nested call died. Rust code
//! that gets `Died` from a callback returns it, so that its values are dropped; the border then abandons the next
//! call outwards ([`abandon`]). No way out ever jumps over a Rust frame that has something to drop.

use crate::arch;
use crate::cpu;
use crate::task::{Context, context};

/// The call was abandoned: the module code that it ran is dead, whatever it held is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died;

/// A call into module code that is under way. Read by assembler: `rust_sp` comes first.
#[repr(C)]
pub(crate) struct Frame {
    /// This thread's stack pointer inside the call: stubs continue there.
    pub(crate) rust_sp: u64,
    /// The border's frame pointer, kept while the task holds no CPU.
    pub(crate) border_while_off_cpu: u64,
    /// The call around this one.
    pub(crate) outer: *mut Frame,
    /// Module stack pointer with which the call began.
    pub(crate) module_sp: u64,
    /// The border of the call around: where its module frames end on the module stack.
    pub(crate) outer_border: u64,
}

/// Calls the module function at `function` with up to six arguments.
///
/// # Errors
/// [`Died`] when the call was abandoned.
///
/// # Panics
/// If this thread is no task or holds no CPU: a mistake in lkm.
pub fn call(function: u64, args: &[u64]) -> Result<u64, Died> {
    let context = context();
    assert!(!context.is_null(), "module code runs only in a task");
    let mut registers = [0; 6];
    registers[..args.len()].copy_from_slice(args);
    // SAFETY: the context is this thread's own; nothing else reads or writes `frame` but code of this thread.
    let (outer, cpu) = unsafe { ((*context).frame, (*context).cpu.expect("a task that runs module code holds a CPU")) };
    let outer_rust_sp = cpu::get(cpu, cpu::RUST_SP);
    let outer_border = cpu::get(cpu, cpu::BORDER);
    // Below the end, so that a fault of the call itself (its target is no address) is known by its stack pointer.
    // SAFETY: as above.
    let top = unsafe { (*context).stack.top() } - 16;
    let module_sp = if outer.is_null() { top } else { outer_border & !15 };
    let mut frame = Frame { rust_sp: 0, border_while_off_cpu: 0, outer, module_sp, outer_border };
    // SAFETY: `frame` outlives the call and is taken out of the list right after it.
    unsafe { (*context).frame = &mut frame };
    let out = arch::enter(function, &registers, module_sp, &mut frame);
    leave(context, outer, outer_rust_sp, outer_border);
    if out.died != 0 {
        // SAFETY: as above.
        unsafe { (*context).stack.open_below(module_sp) };
        return Err(Died);
    }
    Ok(out.value)
}

fn leave(context: *mut Context, outer: *mut Frame, outer_rust_sp: u64, outer_border: u64) {
    // SAFETY: as in `call`. The CPU may be another one than before: the callee may have slept.
    let cpu = unsafe {
        (*context).frame = outer;
        (*context).cpu.expect("a task comes back from module code with a CPU")
    };
    cpu::set(cpu, cpu::RUST_SP, outer_rust_sp);
    cpu::set(cpu, cpu::BORDER, outer_border);
}

/// Abandons the innermost call of this task: it returns [`Died`].
///
/// Only the border calls this, where the Rust frames between here and the call's own have nothing to drop.
///
/// # Panics
/// If no call is under way.
pub fn abandon() -> ! {
    let context = context();
    assert!(!context.is_null(), "only a task can abandon a call");
    // SAFETY: as in `call`.
    let frame = unsafe { (*context).frame };
    assert!(!frame.is_null(), "no call into module code is under way");
    // SAFETY: the frame belongs to a call that is still on this thread's stack; its rust_sp was set by `arch::enter`.
    unsafe { arch::leave_dead((*frame).rust_sp) }
}

/// True while this thread is inside a call into module code.
pub fn in_call() -> bool {
    let context = context();
    // SAFETY: as in `call`.
    !context.is_null() && unsafe { !(*context).frame.is_null() }
}

/// A stretch of module frames on the module stack, for backtraces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// For all but the innermost: where the module called lkm: address of the saved frame pointer, with the return
    /// address in the word above.
    pub border: u64,
    /// The stack pointer with which the stretch began: unwinding ends there.
    pub top: u64,
}

/// The calls that are under way, innermost first. `border` of the first is that of the newest stub call.
pub fn stretches() -> Vec<Stretch> {
    let context = context();
    let mut out = Vec::new();
    if context.is_null() {
        return out;
    }
    // SAFETY: as in `call`; frames of the list are alive further up on this thread's stack.
    unsafe {
        let Some(cpu) = (*context).cpu else { return out };
        let mut border = cpu::get(cpu, cpu::BORDER);
        let mut frame = (*context).frame;
        while let Some(f) = frame.as_ref() {
            out.push(Stretch { border, top: f.module_sp });
            border = f.outer_border;
            frame = f.outer;
        }
    }
    out
}
