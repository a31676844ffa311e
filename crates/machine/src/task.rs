//! A host thread as a task: its module stack, its signal stack and what the machine remembers while it runs.

use crate::cpu;
use crate::enter::Frame;
use crate::error::MachineError;
use crate::stack::{SIZE, SignalStack, Stack};
use crate::trap::Raised;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

/// What handlers and assembler need of a task; one per thread that is a task, never moved.
#[repr(C)]
pub(crate) struct Context {
    /// The innermost call into module code, or null.
    pub(crate) frame: *mut Frame,
    /// The trap that is being handled; written by the signal handler, read after it.
    pub(crate) raised: Raised,
    /// Where Rust last failed to read or write module memory.
    pub(crate) access_fault: u64,
    /// The CPU that the task holds.
    pub(crate) cpu: Option<usize>,
    /// The task's stack canary; moves with it from CPU to CPU.
    pub(crate) canary: u64,
    pub(crate) stack: Stack,
}

thread_local! {
    static CONTEXT: Cell<*mut Context> = const { Cell::new(ptr::null_mut()) };
}

/// The context of this thread; null if it is no task.
pub(crate) fn context() -> *mut Context {
    CONTEXT.get()
}

/// A thread's being a task. Dropping it ends that; the task must not hold a CPU then.
pub struct Task {
    context: *mut Context,
    _signals: SignalStack,
    /// A task is bound to its thread.
    _thread: PhantomData<*mut ()>,
}

/// Names a task's thread for [`Handle::kick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    thread: libc::pthread_t,
}

impl Task {
    /// Makes this thread a task.
    ///
    /// # Errors
    /// When the host refuses memory.
    ///
    /// # Panics
    /// If the thread is a task already.
    pub fn attach() -> Result<Self, MachineError> {
        assert!(context().is_null(), "this thread is a task already");
        let signals = SignalStack::install()?;
        let context = Box::into_raw(Box::new(Context {
            frame: ptr::null_mut(),
            raised: Raised::default(),
            access_fault: 0,
            cpu: None,
            canary: 0,
            stack: Stack::new()?,
        }));
        CONTEXT.set(context);
        Ok(Self { context, _signals: signals, _thread: PhantomData })
    }

    /// `task_struct.stack`: the module stack ends `THREAD_SIZE` behind it, wherever it begins.
    pub fn stack_base(&self) -> u64 {
        // SAFETY: the context lives as long as `self`; the stack's address never changes.
        unsafe { (*self.context).stack.top() - SIZE as u64 }
    }

    /// Names this task's thread for other threads.
    pub fn handle(&self) -> Handle {
        // SAFETY: pthread_self has no preconditions.
        Handle { thread: unsafe { libc::pthread_self() } }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        CONTEXT.set(ptr::null_mut());
        // SAFETY: made by Box::into_raw in `attach`; no handler sees it after CONTEXT is null.
        drop(unsafe { Box::from_raw(self.context) });
    }
}

impl Handle {
    /// Names the task of a thread that the caller knows to be alive.
    pub fn of_thread(thread: libc::pthread_t) -> Self {
        Self { thread }
    }

    /// Interrupts the task: if it is running module code, that ends in a [`crate::TrapKind::Lockup`] trap;
    /// if it is in lkm's own code nothing happens, so ask again.
    pub fn kick(self) {
        // SAFETY: the caller keeps handles only of tasks that have not been dropped (the watchdog holds their list's
        // lock); the signal has a handler.
        unsafe { libc::pthread_kill(self.thread, crate::trap::kick_signal()) };
    }
}

/// Waits for a CPU and takes it for this task. Returns its number.
///
/// # Panics
/// If the thread is no task or holds a CPU.
pub fn acquire_cpu() -> usize {
    let context = context();
    assert!(!context.is_null(), "only a task can hold a CPU");
    let number = cpu::acquire();
    // SAFETY: the context belongs to this thread, and no other reference to it exists while this function runs.
    let context = unsafe { &mut *context };
    assert!(context.cpu.replace(number).is_none(), "this task holds a CPU already");
    if context.canary == 0 {
        context.canary = cpu::get(number, cpu::CANARY);
    }
    cpu::set(number, cpu::CANARY, context.canary);
    if !context.frame.is_null() {
        // SAFETY: a frame in the list belongs to a call further up on this thread's stack.
        let frame = unsafe { &*context.frame };
        cpu::set(number, cpu::RUST_SP, frame.rust_sp);
        cpu::set(number, cpu::BORDER, frame.border_while_off_cpu);
    }
    number
}

/// Gives the task's CPU to whoever waits for one.
///
/// # Panics
/// If the task holds none.
pub fn release_cpu() {
    let context = context();
    assert!(!context.is_null(), "only a task can hold a CPU");
    // SAFETY: as in `acquire_cpu`.
    let context = unsafe { &mut *context };
    let number = context.cpu.take().expect("this task holds a CPU");
    cpu::set(number, cpu::FPU, 0);
    cpu::set(number, cpu::IRQS_OFF, 0);
    if !context.frame.is_null() {
        // SAFETY: as in `acquire_cpu`.
        unsafe { (*context.frame).border_while_off_cpu = cpu::get(number, cpu::BORDER) };
    }
    cpu::release(number);
}

/// True if the task has its interrupts switched off; the flag belongs to the CPU that it holds.
pub fn irqs_off() -> bool {
    current_cpu().is_some_and(|number| cpu::get(number, cpu::IRQS_OFF) & 1 == 1)
}

/// Notes that the task switched interrupts off or on; returns what it was.
pub fn set_irqs_off(off: bool) -> bool {
    let was = irqs_off();
    if let Some(number) = current_cpu() {
        cpu::set(number, cpu::IRQS_OFF, u64::from(off));
    }
    was
}

/// Begins or ends a stretch in which module code keeps values in vector registers: stubs save them meanwhile.
pub fn keep_vectors(keep: bool) {
    if let Some(number) = current_cpu() {
        cpu::set(number, cpu::FPU, u64::from(keep));
    }
}

/// This task's module stack: its lowest address, and one past its highest.
pub fn stack() -> Option<(u64, u64)> {
    let context = context();
    // SAFETY: a non-null context belongs to this thread; the stack's addresses never change.
    (!context.is_null()).then(|| unsafe { ((*context).stack.base(), (*context).stack.top()) })
}

/// Says of a range of this task's module stack what [`crate::shadow`] is to hold; nothing if it does not lie there.
pub fn set_stack_shadow(addr: u64, len: u64, value: i8) {
    let context = context();
    if !context.is_null() {
        // SAFETY: a non-null context belongs to this thread; the stack's address never changes.
        unsafe { (*context).stack.set_shadow(addr, len, value) };
    }
}

/// The CPU that this task holds.
pub fn current_cpu() -> Option<usize> {
    let context = context();
    // SAFETY: a non-null context belongs to this thread.
    if context.is_null() { None } else { unsafe { (*context).cpu } }
}
