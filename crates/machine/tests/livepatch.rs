//! An instruction is exchanged again and again while another thread runs through it.

use machine::{Action, Task, Trap, TrapKind, arena, enter, livepatch, task};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static TRAPS: AtomicU64 = AtomicU64::new(0);

fn on_trap(trap: &mut Trap) -> Action {
    let at = trap.regs.ip.wrapping_sub(1);
    if trap.kind == TrapKind::Breakpoint && livepatch::is_transient(at) {
        TRAPS.fetch_add(1, Ordering::Relaxed);
        trap.regs.ip = at;
        return Action::Resume;
    }
    Action::Abandon
}

fn on_bug(what: &str) -> ! {
    eprintln!("bug: {what}");
    std::process::abort();
}

/// Runs module code in a thread of its own, then says so: every call must count to the end.
fn runner(function: u64, done: &AtomicBool) {
    const TURNS: u64 = 100_000;
    let task = Task::attach().unwrap();
    task::acquire_cpu();
    let results: Vec<_> = (0..10_000).map(|_| enter::call(function, &[TURNS])).collect();
    done.store(true, Ordering::Relaxed);
    task::release_cpu();
    drop(task);
    assert!(results.iter().all(|result| *result == Ok(TURNS)), "{results:?}");
}

#[test]
fn a_thread_in_the_code_never_sees_half_an_instruction() {
    machine::boot(machine::Config { cpus: 2, percpu_size: 64 << 10, on_trap, on_bug }).unwrap();
    const NOP: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
    const JUMP_TO_NEXT: [u8; 5] = [0xe9, 0, 0, 0, 0];
    // mov ecx, edi; xor eax, eax; 1: NOP; inc eax; dec ecx; jnz 1b; ret
    let code = [0x89, 0xf9, 0x31, 0xc0, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0xff, 0xc0, 0xff, 0xc9, 0x75, 0xf5, 0xc3];
    let mut block = arena::alloc(code.len()).unwrap();
    block.bytes_mut()[..code.len()].copy_from_slice(&code);
    block.protect(0, block.len(), arena::Access::Execute).unwrap();
    let (function, site) = (block.addr(), block.addr() + 4);
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let thread = std::thread::spawn(move || runner(function, &seen));
    let mut turn = 0;
    while !done.load(Ordering::Relaxed) {
        let new = if turn % 2 == 0 { JUMP_TO_NEXT } else { NOP };
        livepatch::replace(site, &new).unwrap();
        let mut now = [0; 5];
        machine::access::read(site, &mut now).unwrap();
        assert_eq!(now, new);
        turn += 1;
        // Lets the other thread out of the breakpoint: the lock is not fair.
        std::thread::sleep(std::time::Duration::from_micros(1));
    }
    thread.join().unwrap();
    println!("{turn} changes, {} breakpoints met", TRAPS.load(Ordering::Relaxed));
}
