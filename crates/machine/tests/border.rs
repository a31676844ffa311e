//! Small pieces of machine code stand in for modules: calls in both directions, traps, and every way out.

use machine::stub::{self, Convention};
use machine::{Action, Died, Task, Trap, TrapKind, access, arena, enter, task};
use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// What the traps of this test's thread were, and what to do with them.
    static SEEN: RefCell<Vec<(TrapKind, u64, u64, bool)>> = const { RefCell::new(Vec::new()) };
    static RESUME_AFTER: RefCell<Option<u64>> = const { RefCell::new(None) };
}

fn on_trap(trap: &mut Trap) -> Action {
    SEEN.with_borrow_mut(|s| s.push((trap.kind, trap.addr, trap.code, trap.stack_overflow)));
    match RESUME_AFTER.take() {
        Some(skip) => {
            trap.regs.ip += skip;
            Action::Resume
        }
        None => Action::Abandon,
    }
}

fn on_bug(what: &str) -> ! {
    eprintln!("bug: {what}");
    std::process::abort();
}

fn in_task<R>(test: impl FnOnce() -> R) -> R {
    static BOOT: Once = Once::new();
    BOOT.call_once(|| {
        machine::boot(machine::Config { cpus: 2, percpu_size: 64 << 10, on_trap, on_bug }).unwrap();
    });
    let task = Task::attach().unwrap();
    task::acquire_cpu();
    let result = test();
    task::release_cpu();
    drop(task);
    result
}

/// Loads code as a module's text.
fn text(code: &[u8]) -> arena::Block {
    let mut block = arena::alloc(code.len()).unwrap();
    block.bytes_mut()[..code.len()].copy_from_slice(code);
    block.protect(0, block.len(), arena::Access::Execute).unwrap();
    block
}

fn traps() -> Vec<(TrapKind, u64, u64, bool)> {
    SEEN.take()
}

#[test]
fn arguments_arrive_and_the_result_comes_back() {
    in_task(|| {
        // lea rax, [rdi + rsi]; add rax, r9; ret
        let f = text(&[0x48, 0x8d, 0x04, 0x37, 0x4c, 0x01, 0xc8, 0xc3]);
        assert_eq!(enter::call(f.addr(), &[40, 2, 0, 0, 0, 100]), Ok(142));
    });
}

#[test]
fn a_null_read_traps_with_its_address_and_abandons() {
    in_task(|| {
        let f = text(&[0x48, 0x8b, 0x04, 0x25, 0x48, 0, 0, 0, 0xc3]); // mov rax, [0x48]; ret
        assert_eq!(enter::call(f.addr(), &[]), Err(Died));
        assert_eq!(traps(), [(TrapKind::PageFault, 0x48, 0, false)]);
        assert!(!enter::in_call());
    });
}

#[test]
fn a_call_to_null_is_a_fetch() {
    in_task(|| {
        let f = text(&[0x31, 0xc0, 0xff, 0xd0, 0xc3]); // xor eax, eax; call rax; ret
        assert_eq!(enter::call(f.addr(), &[]), Err(Died));
        assert_eq!(traps(), [(TrapKind::PageFault, 0, 0x10, false)]);
    });
}

#[test]
fn a_call_to_what_is_no_address_is_the_modules_fault() {
    in_task(|| {
        for pointer in [1 << 63, 0x6b6b_6b6b_6b6b_6b6b] {
            assert_eq!(enter::call(pointer, &[]), Err(Died));
            assert_eq!(traps(), [(TrapKind::GeneralProtection, 0, 0, false)]);
        }
    });
}

#[test]
fn every_vector_is_told_apart() {
    in_task(|| {
        let divide = text(&[0x31, 0xc9, 0xf7, 0xf1, 0xc3]); // xor ecx, ecx; div ecx
        let undefined = text(&[0x0f, 0x0b]);
        let odd = text(&[0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x8b, 0x00, 0xc3]); // mov rax, [1 << 63]
        let int3 = text(&[0xcc, 0xc3]);
        for f in [&divide, &undefined, &odd, &int3] {
            assert_eq!(enter::call(f.addr(), &[]), Err(Died));
        }
        let kinds: Vec<_> = traps().into_iter().map(|t| t.0).collect();
        use TrapKind::*;
        assert_eq!(kinds, [Divide, InvalidOpcode, GeneralProtection, Breakpoint]);
    });
}

#[test]
fn code_and_read_only_data_cannot_be_written() {
    in_task(|| {
        let f = text(&[0xc6, 0x07, 0x01, 0xc3]); // mov byte [rdi], 1; ret
        assert_eq!(enter::call(f.addr(), &[f.addr()]), Err(Died));
        assert_eq!(traps(), [(TrapKind::PageFault, f.addr(), 3, false)]);
    });
}

#[test]
fn data_cannot_be_executed_and_freed_memory_is_gone() {
    in_task(|| {
        let data = arena::alloc(1).unwrap();
        data.protect(0, 4096, arena::Access::ReadWrite).unwrap();
        let addr = data.addr();
        access::put(addr, 0xc3u8).unwrap();
        assert_eq!(enter::call(addr, &[]), Err(Died));
        assert_eq!(traps()[0].2, 0x11);
        drop(data);
        assert!(access::get::<u8>(addr).is_err());
    });
}

#[test]
fn resuming_keeps_every_register() {
    in_task(|| {
        // mov rax, rdi; movq xmm3, rsi; ud2; movq rcx, xmm3; add rax, rcx; ret
        let f = text(&[
            0x48, 0x89, 0xf8, 0x66, 0x48, 0x0f, 0x6e, 0xde, 0x0f, 0x0b, 0x66, 0x48, 0x0f, 0x7e, 0xd9, 0x48, 0x01, 0xc8,
            0xc3,
        ]);
        RESUME_AFTER.replace(Some(2));
        assert_eq!(enter::call(f.addr(), &[5, 37]), Ok(42));
        assert_eq!(traps()[0].0, TrapKind::InvalidOpcode);
    });
}

#[test]
fn endless_recursion_meets_the_guard_page() {
    in_task(|| {
        let f = text(&[0xe8, 0xfb, 0xff, 0xff, 0xff]); // call self
        assert_eq!(enter::call(f.addr(), &[]), Err(Died));
        let seen = traps();
        assert!(seen[0].0 == TrapKind::PageFault && seen[0].3, "{seen:?}");
    });
}

extern "C" fn sum_of_nine(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64) -> u64 {
    a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9
}

#[test]
fn stack_arguments_are_copied() {
    in_task(|| {
        let target = stub::make(sum_of_nine as *const (), Convention::Plain { stack_args: 3 }).unwrap();
        let mut code = vec![0x6a, 9, 0x6a, 8, 0x6a, 7]; // push 9, 8, 7
        code.extend([0xb8]);
        code.extend((target as u32).to_le_bytes()); // mov eax, target
        code.extend([0xff, 0xd0, 0x48, 0x83, 0xc4, 0x18, 0xc3]); // call rax; add rsp, 24; ret
        let f = text(&code);
        assert_eq!(enter::call(f.addr(), &[1, 2, 3, 4, 5, 6]), Ok(285));
    });
}

extern "C" fn read_va_list(list: u64) -> u64 {
    let gp = access::get::<u32>(list).unwrap();
    let overflow = access::get::<u64>(list + 8).unwrap();
    let save = access::get::<u64>(list + 16).unwrap();
    let register = |i: u64| access::get::<u64>(save + u64::from(gp) + 8 * i).unwrap();
    (0..6).map(register).sum::<u64>() * 1000 + access::get::<u64>(overflow).unwrap()
}

#[test]
fn a_variadic_stub_builds_a_va_list() {
    in_task(|| {
        let target = stub::make(read_va_list as *const (), Convention::Variadic).unwrap();
        let mut code = vec![0x6a, 77, 0xb8];
        code.extend((target as u32).to_le_bytes());
        code.extend([0xff, 0xd0, 0x48, 0x83, 0xc4, 0x08, 0xc3]);
        let f = text(&code);
        assert_eq!(enter::call(f.addr(), &[1, 2, 3, 4, 5, 6]), Ok(21_077));
    });
}

thread_local! { static CALLBACK: RefCell<u64> = const { RefCell::new(0) }; }

/// What a border does: a callback's death goes on outwards.
extern "C" fn call_back(value: u64) -> u64 {
    assert_eq!((&raw const value as u64) % 8, 0);
    let seen = enter::stretches();
    assert!(!seen.is_empty());
    let callback = CALLBACK.with_borrow(|c| *c);
    match enter::call(callback, &[value]) {
        Ok(v) => v + 1,
        Err(Died) => machine::abandon(),
    }
}

#[test]
fn nested_calls_return_through_both_borders() {
    in_task(|| {
        let target = stub::make(call_back as *const (), Convention::Plain { stack_args: 0 }).unwrap();
        let inner = text(&[0x48, 0x8d, 0x47, 0x0a, 0xc3]); // lea rax, [rdi + 10]; ret
        CALLBACK.set(inner.addr());
        let mut code = vec![0x53, 0xbb, 7, 0, 0, 0, 0xb8]; // push rbx; mov ebx, 7
        code.extend((target as u32).to_le_bytes());
        code.extend([0xff, 0xd0, 0x48, 0x01, 0xd8, 0x5b, 0xc3]); // call rax; add rax, rbx; pop rbx; ret
        let f = text(&code);
        assert_eq!(enter::call(f.addr(), &[100]), Ok(118));
        // The callback dies: both calls end, nothing is left behind.
        let bad = text(&[0x0f, 0x0b]);
        CALLBACK.set(bad.addr());
        for _ in 0..1000 {
            assert_eq!(enter::call(f.addr(), &[100]), Err(Died));
        }
        assert_eq!(traps().len(), 1000);
        CALLBACK.set(inner.addr());
        assert_eq!(enter::call(f.addr(), &[1]), Ok(19));
    });
}

#[test]
fn rust_reads_and_writes_survive_bad_pointers() {
    in_task(|| {
        let data = arena::alloc(8192).unwrap();
        data.protect(0, 4096, arena::Access::ReadWrite).unwrap();
        let end = data.addr() + 4096;
        access::put(end - 8, 7u64).unwrap();
        assert_eq!(access::get::<u64>(end - 8), Ok(7));
        assert_eq!(access::get::<u64>(end), Err(access::Fault { addr: end, write: false }));
        let mut bytes = [0; 16];
        assert_eq!(access::read(end - 8, &mut bytes), Err(access::Fault { addr: end, write: false }));
        assert_eq!(access::write(end - 3, &[1, 2, 3, 4]), Err(access::Fault { addr: end, write: true }));
        assert_eq!(access::fill(end - 2, 9, 3), Err(access::Fault { addr: end, write: true }));
        assert_eq!(access::get::<u8>(8).unwrap_err().addr, 8);
        assert!(access::get::<u8>(0xffff_8880_0000_0000).is_err());
        access::write(end - 5, b"abcde").unwrap();
        assert!(access::read_str(end - 5, 100).is_err());
        access::write(end - 1, &[0]).unwrap();
        assert_eq!(access::read_str(end - 5, 100).unwrap(), b"abcd");
        assert_eq!(access::compare_exchange_u32(end - 16, 0, 5), Ok(0));
        assert_eq!(access::fetch_add_u32(end - 16, 3), Ok(5));
        assert_eq!(access::get::<u32>(end - 16), Ok(8));
    });
}

#[test]
fn an_endless_loop_can_be_ended_from_another_thread() {
    let (send, receive) = std::sync::mpsc::channel();
    let (done_send, done) = std::sync::mpsc::channel::<()>();
    let victim = std::thread::spawn(move || {
        in_task(|| {
            let f = text(&[0xeb, 0xfe]); // jmp self
            send.send(()).unwrap();
            let died = enter::call(f.addr(), &[]);
            let seen = traps();
            done_send.send(()).unwrap();
            (died, seen)
        })
    });
    receive.recv().unwrap();
    let thread = std::os::unix::thread::JoinHandleExt::as_pthread_t(&victim);
    while done.try_recv().is_err() {
        task::Handle::of_thread(thread).kick();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let (died, seen) = victim.join().unwrap();
    assert_eq!(died, Err(Died));
    assert_eq!(seen[0].0, TrapKind::Lockup);
}

#[test]
fn memory_functions_are_module_code() {
    in_task(|| {
        let of = |name| stub::code(&machine::arch::thunks::code_of(name).unwrap()).unwrap();
        let data = arena::alloc(4096).unwrap();
        data.protect(0, 4096, arena::Access::ReadWrite).unwrap();
        let at = data.addr();
        let text = |from: u64, len: usize| {
            let mut bytes = vec![0; len];
            access::read(from, &mut bytes).unwrap();
            bytes
        };
        access::write(at, b"abcdefgh").unwrap();
        assert_eq!(enter::call(of("memmove"), &[at + 2, at, 6]), Ok(at + 2));
        assert_eq!(text(at, 8), b"ababcdef");
        assert_eq!(enter::call(of("memmove"), &[at, at + 2, 6]), Ok(at));
        assert_eq!(text(at, 8), b"abcdefef");
        assert_eq!(enter::call(of("memset"), &[at + 1, u64::from(b'x'), 3]), Ok(at + 1));
        assert_eq!(enter::call(of("memcpy"), &[at + 8, at, 8]), Ok(at + 8));
        assert_eq!(text(at, 16), b"axxxefefaxxxefef");
        assert_eq!(enter::call(of("memcpy"), &[at + 4090, at, 8]), Err(Died));
        assert_eq!(traps()[0].1, at + 4096);
        assert_eq!(enter::call(of("__sw_hweight64"), &[0xff00_0000_0000_00f1]), Ok(13));
    });
}
