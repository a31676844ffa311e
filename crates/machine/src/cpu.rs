//! Virtual CPUs and their areas.
//!
//! While a task runs it holds a CPU: the GS base of its thread points to the CPU's area, so `%gs:symbol` in module
//! code reaches per-CPU variables, and `%gs:0x28` the stack canary. A symbol's value is its offset in the area.
//! The area's first bytes belong to the machine; offsets below 0x40 stay as Linux has them (the canary at 0x28).
//!
//! Counterpart: arch/x86/include/asm/{percpu,processor}.h (`fixed_percpu_data`), mm/percpu.c.

use crate::error::MachineError;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

/// Offset of the stack protector's canary.
pub const CANARY: usize = 0x28;
/// Offset of the thread's own stack pointer at the border: where stubs continue.
pub(crate) const RUST_SP: usize = 0x40;
/// Offset of the frame pointer of the newest stub call: where nested calls continue on the module stack.
pub(crate) const BORDER: usize = 0x48;
/// Offset of a byte: 1 while the task has its interrupts switched off. There are none; the flag is what
/// `irqs_disabled()` and reports tell.
pub(crate) const IRQS_OFF: usize = 0x50;
/// Offset of a byte: 1 between `kernel_fpu_begin` and `kernel_fpu_end`, 2 while Rust code runs there.
pub(crate) const FPU: usize = 0x58;
/// Offset where stubs save vector registers, aligned as `xsavec` wants it.
pub(crate) const VECTORS: usize = 0x100;
/// Bytes for vector registers: x87, SSE, AVX and AVX-512 in the compacted format.
const VECTORS_LEN: usize = 0xb00;
/// Bytes behind each area that no access reaches: offsets for per-CPU variables that nothing implements.
pub const TRAP_TAIL: usize = 1 << 20;
/// First offset that per-CPU symbols may take.
pub const FIRST_SYMBOL: usize = VECTORS + VECTORS_LEN;

struct Cpus {
    areas: Vec<u64>,
    size: usize,
    idle: Mutex<Vec<usize>>,
    freed: Condvar,
    fsgsbase: bool,
}

static CPUS: OnceLock<Cpus> = OnceLock::new();

pub(crate) fn make(count: usize, size: usize) -> Result<(), MachineError> {
    let size = size.max(FIRST_SYMBOL).next_multiple_of(4096);
    let mut areas = Vec::with_capacity(count);
    for cpu in 0..count.max(1) {
        areas.push(map_area(cpu, size)?);
    }
    // AT_HWCAP2 bit 1: the kernel lets user code use wrgsbase.
    // SAFETY: getauxval only reads the process's auxiliary vector.
    let fsgsbase = unsafe { libc::getauxval(libc::AT_HWCAP2) } & 2 != 0;
    let idle = Mutex::new((0..areas.len()).rev().collect());
    let cpus = Cpus { areas, size, idle, freed: Condvar::new(), fsgsbase };
    CPUS.set(cpus).map_err(|_| MachineError::AlreadyBooted)
}

fn map_area(cpu: usize, size: usize) -> Result<u64, MachineError> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: an anonymous mapping at an address of the host's choice; its first `size` bytes are then made accessible.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), size + TRAP_TAIL, libc::PROT_NONE, flags, -1, 0) };
    // SAFETY: the range is the start of our own fresh mapping.
    if p == libc::MAP_FAILED || unsafe { libc::mprotect(p, size, prot) } != 0 {
        return Err(MachineError::last(format!("mapping {size} bytes for CPU {cpu}'s area")));
    }
    let canary: u64 = std::collections::hash_map::RandomState::new().hash_one_word() & !0xff;
    // SAFETY: the area is fresh, zeroed and at least FIRST_SYMBOL bytes long.
    unsafe { p.cast::<u8>().add(CANARY).cast::<u64>().write(canary) };
    Ok(p as u64)
}

/// A random word without a random number crate: the standard library seeds its hashers from the host.
trait HashOneWord {
    fn hash_one_word(&self) -> u64;
}

impl HashOneWord for std::collections::hash_map::RandomState {
    fn hash_one_word(&self) -> u64 {
        use std::hash::BuildHasher;
        self.hash_one(std::process::id())
    }
}

fn cpus() -> &'static Cpus {
    CPUS.get().expect("machine::boot comes first")
}

/// Number of virtual CPUs.
pub fn count() -> usize {
    cpus().areas.len()
}

/// Address of a CPU's area (`__per_cpu_offset[cpu]`).
pub fn area(cpu: usize) -> Option<u64> {
    cpus().areas.get(cpu).copied()
}

/// Bytes of each area.
pub fn area_size() -> usize {
    cpus().size
}

/// The CPU whose area, or the trap tail behind it, contains `addr`, and the offset there.
pub fn of_addr(addr: u64) -> Option<(usize, u64)> {
    let cpus = cpus();
    let size = (cpus.size + TRAP_TAIL) as u64;
    cpus.areas.iter().map(|area| addr.wrapping_sub(*area)).enumerate().find(|(_, offset)| *offset < size)
}

/// Waits for an idle CPU and takes it: this thread's GS base points to its area from now on.
pub(crate) fn acquire() -> usize {
    let cpus = cpus();
    let mut idle = cpus.idle.lock().unwrap_or_else(PoisonError::into_inner);
    let cpu = loop {
        match idle.pop() {
            Some(cpu) => break cpu,
            None => idle = cpus.freed.wait(idle).unwrap_or_else(PoisonError::into_inner),
        }
    };
    drop(idle);
    set_gs_base(cpus.areas[cpu]);
    cpu
}

pub(crate) fn release(cpu: usize) {
    let cpus = cpus();
    cpus.idle.lock().unwrap_or_else(PoisonError::into_inner).push(cpu);
    cpus.freed.notify_one();
}

fn set_gs_base(base: u64) {
    if cpus().fsgsbase {
        crate::arch::write_gs_base(base);
    } else {
        // SAFETY: ARCH_SET_GS (0x1001) changes only the GS base, which no Rust or C code of this process uses.
        unsafe { libc::syscall(libc::SYS_arch_prctl, 0x1001, base) };
    }
}

/// Reads a machine word of `cpu`'s area.
pub(crate) fn get(cpu: usize, offset: usize) -> u64 {
    debug_assert!(offset + 8 <= FIRST_SYMBOL);
    // SAFETY: `offset` is one of the machine's own words in an area that is never unmapped; only the thread that holds
    // the CPU reads or writes them.
    unsafe { ((area(cpu).expect("a CPU that exists")) as *const u8).add(offset).cast::<u64>().read() }
}

/// Writes a machine word of `cpu`'s area.
pub(crate) fn set(cpu: usize, offset: usize, value: u64) {
    debug_assert!(offset + 8 <= FIRST_SYMBOL);
    // SAFETY: as for `get`.
    unsafe { ((area(cpu).expect("a CPU that exists")) as *mut u8).add(offset).cast::<u64>().write(value) };
}
