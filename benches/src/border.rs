//! A call across the border between module code and Rust, and back, in nanoseconds.
//!
//! Pieces of machine code stand in for modules: a loop that calls a target, so that entering it does not count. The
//! same loop around a function of the "module" itself, and around the Rust function without a stub's work, are what
//! the calls are compared with.

use crate::stats::{Row, Subject, in_turn, rows};
use crate::{Bench, fresh_rounds, print_sample};
use machine::stub::{self, Convention};
use machine::{Action, Task, Trap, arena, enter, task};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const GROUP: &str = "border: one call and its return";
/// Calls in one sample.
const CALLS: u64 = 200_000;
/// Samples taken in one process.
const SAMPLES: &str = "9";

const SUBJECTS: [&str; 9] = [
    "C function pointer, Rust to Rust",
    "module to module",
    "module to Rust, bare jump",
    "module to Rust, plain stub",
    "module to Rust, 3 stack arguments",
    "module to Rust, variadic",
    "Rust to module",
    "Rust to module to Rust",
    "module to Rust to module",
];

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let samples = fresh_rounds(bench.rounds(11), &["border", SAMPLES])?;
    let samples: Vec<_> = samples.into_iter().map(|(_, samples)| samples).collect();
    Ok(rows(GROUP, "ns", &SUBJECTS, &samples, 0))
}

extern "C" fn add(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

#[allow(clippy::too_many_arguments, reason = "three of them must be on the stack")]
extern "C" fn add_nine(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64) -> u64 {
    [a, b, c, d, e, f, g, h, i].into_iter().fold(0, u64::wrapping_add)
}

extern "C" fn variadic(list: u64) -> u64 {
    list
}

/// The module function that [`call_back`] calls.
static CALLBACK: AtomicU64 = AtomicU64::new(0);

extern "C" fn call_back(value: u64) -> u64 {
    match enter::call(CALLBACK.load(Ordering::Relaxed), &[value]) {
        Ok(value) => value,
        Err(machine::Died) => machine::abandon(),
    }
}

fn on_trap(_: &mut Trap) -> Action {
    Action::Abandon
}

fn on_bug(what: &str) -> ! {
    eprintln!("bench: {what}");
    std::process::abort();
}

/// Loads code as a module's text.
fn text(code: &[u8]) -> Result<arena::Block, String> {
    let mut block = arena::alloc(code.len()).map_err(|e| e.to_string())?;
    block.bytes_mut().iter_mut().zip(code).for_each(|(to, from)| *to = *from);
    block.protect(0, block.len(), arena::Access::Execute).map_err(|e| e.to_string())?;
    Ok(block)
}

/// Module code that calls `target` as often as its first argument says, with the given code around each call.
fn looped(target: u64, before: &[u8], after: &[u8]) -> Result<arena::Block, String> {
    let target = u32::try_from(target).map_err(|_| "a target beyond the arena")?;
    // push rbx; mov rbx, rdi
    let mut code = vec![0x53, 0x48, 0x89, 0xfb];
    let start = code.len();
    code.extend(before);
    // mov eax, target; call rax
    code.push(0xb8);
    code.extend(target.to_le_bytes());
    code.extend([0xff, 0xd0]);
    code.extend(after);
    // dec rbx; jnz start
    code.extend([0x48, 0xff, 0xcb, 0x0f, 0x85]);
    let back = i32::try_from(start as i64 - (code.len() as i64 + 4)).map_err(|e| e.to_string())?;
    code.extend(back.to_le_bytes());
    // pop rbx; ret
    code.extend([0x5b, 0xc3]);
    text(&code)
}

fn per_call(work: impl FnOnce() -> Result<(), machine::Died>) -> Result<f64, String> {
    let start = Instant::now();
    work().map_err(|_| "module code died")?;
    Ok(start.elapsed().as_secs_f64() * 1e9 / CALLS as f64)
}

fn run_loop(block: &arena::Block) -> Result<f64, String> {
    per_call(|| enter::call(block.addr(), &[CALLS]).map(drop))
}

/// A sample of everything, in a fresh process: the medians of some.
pub fn sample(rounds: &str) -> Result<(), String> {
    let rounds = rounds.parse().map_err(|e| format!("{rounds}: {e}"))?;
    let config = machine::Config { cpus: 1, percpu_size: 64 << 10, on_trap, on_bug };
    machine::boot(config).map_err(|e| e.to_string())?;
    let task = Task::attach().map_err(|e| e.to_string())?;
    task::acquire_cpu();
    let result = in_task(rounds);
    task::release_cpu();
    drop(task);
    print_sample(&result?)
}

fn in_task(rounds: usize) -> Result<Vec<(&'static str, f64)>, String> {
    let make = |target, convention| stub::make(target, convention).map_err(|e| e.to_string());
    let plain = Convention::Plain { stack_args: 0 };
    // lea rax, [rdi + rsi]; ret
    let leaf = text(&[0x48, 0x8d, 0x04, 0x37, 0xc3])?;
    CALLBACK.store(leaf.addr(), Ordering::Relaxed);
    let to_plain = make(add as *const (), plain)?;
    let own = looped(leaf.addr(), &[], &[])?;
    let bare = looped(make(add as *const (), Convention::Raw)?, &[], &[])?;
    let plain_stub = looped(to_plain, &[], &[])?;
    // push 3, 2, 1; add rsp, 24
    let stack = make(add_nine as *const (), Convention::Plain { stack_args: 3 })?;
    let stack = looped(stack, &[0x6a, 3, 0x6a, 2, 0x6a, 1], &[0x48, 0x83, 0xc4, 0x18])?;
    let variable = looped(make(variadic as *const (), Convention::Variadic)?, &[], &[])?;
    let nested = looped(make(call_back as *const (), plain)?, &[], &[])?;
    // mov eax, stub; jmp rax
    let mut forward = vec![0xb8];
    forward.extend(u32::try_from(to_plain).map_err(|e| e.to_string())?.to_le_bytes());
    forward.extend([0xff, 0xe0]);
    let forward = text(&forward)?;
    let pointer: extern "C" fn(u64, u64) -> u64 = black_box(add);
    let many = |addr: u64| move || per_call(|| (0..CALLS).try_for_each(|i| enter::call(addr, &[i, 1]).map(drop)));
    let direct = || {
        per_call(|| {
            for i in 0..CALLS {
                black_box(black_box(pointer)(i, 1));
            }
            Ok(())
        })
    };
    let mut subjects = [
        Subject::new(SUBJECTS[0], direct),
        Subject::new(SUBJECTS[1], || run_loop(&own)),
        Subject::new(SUBJECTS[2], || run_loop(&bare)),
        Subject::new(SUBJECTS[3], || run_loop(&plain_stub)),
        Subject::new(SUBJECTS[4], || run_loop(&stack)),
        Subject::new(SUBJECTS[5], || run_loop(&variable)),
        Subject::new(SUBJECTS[6], many(leaf.addr())),
        Subject::new(SUBJECTS[7], many(forward.addr())),
        Subject::new(SUBJECTS[8], || run_loop(&nested)),
    ];
    let samples = in_turn(rounds, &mut subjects)?;
    Ok(SUBJECTS.iter().zip(&samples).map(|(name, samples)| (*name, samples.median())).collect())
}
