//! Exact mode for modules as they are: every access by a register is looked at before it happens.
//!
//! When a module is loaded, the instructions that reach memory move to slots, code near the module where a call of a
//! routine of [`machine::shadow`] comes first; a jump, or where there is no room for one an int3, takes their place. What
//! the routine does not find open is decided by [`kasan`]. Reports and fixups know the instructions by their old places.
//!
//! - `text`: functions, and where code may be entered;
//! - `classify`: what an instruction does;
//! - `plan`: what moves together;
//! - `emit`: the slots;
//! - `globals`: the room between variables.
//!
//! DIFFERS: Linux has this only in kernels that are built with KASAN (mm/kasan/). Not looked at are words of a stack frame
//! by the stack pointer, variables of a CPU by GS, addresses that the instruction itself holds, searches (`repe cmpsb`) and
//! what saves the processor's state; borrowed code and modules of 2.4 are not looked at. A look writes a few words below the
//! stack pointer: what a function finds in variables that it did not set is not what it would find in Linux.

mod classify;
mod emit;
mod globals;
mod plan;
mod text;

use crate::log;
use crate::mm::guard::Access;
use crate::mm::{check, kasan};
use emit::{Emitted, Kind, Step};
use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory};
use kofile::{Elf, Symbols};
use loader::Image;
use machine::access::unwatched as access;
use machine::arena::{self, Block};
use machine::shadow::{self, Found};
use machine::{MachineError, Regs, TrapKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use plan::Counts;
use text::Text;

const INT3: u8 = 0xcc;
const LONGEST: usize = 15;

/// A file that is being loaded.
#[derive(Debug, Clone, Copy)]
pub struct File<'f> {
    /// It.
    pub elf: &'f Elf<'f>,
    /// Its symbols.
    pub symbols: &'f Symbols<'f>,
    /// Their addresses.
    pub values: &'f [u64],
    /// Its code is relocated once more when other modules come, and so stays as it is.
    pub changes: bool,
}

/// Bytes of the text that are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patch {
    addr: u64,
    len: usize,
    /// Where they are kept.
    kept: usize,
    /// Where the new code begins.
    place: usize,
}

/// What the text in one block of a module's memory was changed to.
#[derive(Debug)]
struct Slots {
    /// The block.
    range: Range<u64>,
    block: Block,
    /// By place, and by old address.
    steps: Vec<Step>,
    /// By address.
    patches: Vec<Patch>,
    /// What they replaced.
    kept: Vec<u8>,
}

static ALL: RwLock<Vec<Arc<Slots>>> = RwLock::new(Vec::new());
static COUNTS: Mutex<Option<Counts>> = Mutex::new(None);

fn all() -> Vec<Arc<Slots>> {
    ALL.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes ready; before any module runs. Where the host refuses the address space, finished modules are only guarded.
pub fn boot() {
    if check::mode() != check::Mode::Exact {
        return;
    }
    match shadow::reserve() {
        Ok(()) => machine::access::watch(kasan::on_access),
        Err(e) => log::line(4, &format!("lkm: the accesses of finished modules are not checked: {e}")),
    }
}

/// How many accesses of the modules so far are looked at.
pub fn counts() -> Counts {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

fn count(counts: Counts) {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().merge(counts);
}

/// True if the compiler put calls before all accesses.
fn is_instrumented(symbols: &Symbols<'_>) -> bool {
    let asks = |name: &str| name.starts_with("__asan_load") || name.starts_with("__asan_store");
    symbols.iter().any(|symbol| symbol.is_undefined() && asks(&symbol.name().to_string()))
}

/// Whether the accesses of finished modules are checked.
pub fn is_on() -> bool {
    check::mode() == check::Mode::Exact && !shadow::routines().is_empty()
}

/// Takes over the accesses of a module whose text is complete, and not yet running.
///
/// # Errors
/// When there is no memory for the slots: the module is then as it was.
pub fn take_over(file: &File<'_>, image: &Image) -> Result<(), MachineError> {
    if !is_on() {
        return Ok(());
    }
    let blocks = [&image.core.block, &image.init.block].into_iter().flatten();
    let ranges: Vec<_> = blocks.map(|block| block.addr()..block.addr() + block.len() as u64).collect();
    ranges.iter().for_each(forget);
    if file.changes || is_instrumented(file.symbols) {
        return Ok(());
    }
    let mut text = Text::new(image.sections.iter().filter(|section| text::counts(section)).filter_map(|section| {
        let mut bytes = vec![0; usize::try_from(section.size).ok()?];
        access::read(section.addr, &mut bytes).ok()?;
        Some((section.addr, bytes))
    }));
    text.read(file);
    text.follow();
    globals::tell(file, &text, image);
    let slots = ranges.into_iter().map(|range| make(&text, range)).collect::<Result<Vec<_>, _>>();
    let slots = slots.inspect_err(|_| count(Counts { without_room: 1, ..Counts::default() }))?;
    for slots in slots {
        slots.patch()?;
        ALL.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(slots));
    }
    Ok(())
}

/// Forgets what lies in memory that belongs to somebody else now.
pub fn forget(range: &Range<u64>) {
    kasan::forget_variables(range);
    let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
    all.retain(|slots| slots.range.start >= range.end || range.start >= slots.range.end);
}

/// The routine for accesses of `size` bytes.
fn routine(size: usize) -> u64 {
    shadow::routines().iter().find(|routine| routine.size == size).map_or(0, |routine| routine.addr)
}

fn make(text: &Text, range: Range<u64>) -> Result<Slots, MachineError> {
    let mut info = InstructionInfoFactory::new();
    let (mut emitted, mut counts) = (Emitted::default(), Counts::default());
    let (mut patches, mut kept) = (Vec::new(), Vec::new());
    for (addr, len) in text.functions().iter().filter(|function| range.contains(&function.0)) {
        let Some(items) = plan::items(text, *addr, *len, &mut info) else {
            counts.not_code += 1;
            continue;
        };
        let mut groups = plan::groups(&items);
        groups.retain(|group| {
            let addr = items.get(group.first).map_or(0, |item| item.instruction.ip());
            let bytes = text.bytes(addr, group.len).unwrap_or_default();
            let Some(place) = emitted.group(&items, *group, bytes, &routine) else { return false };
            let len = if group.has_room() { group.len } else { 1 };
            patches.push(Patch { addr, len, kept: kept.len(), place });
            kept.extend(bytes.iter().take(len));
            true
        });
        counts.add(&items, &groups);
    }
    let block = arena::alloc(emitted.code.len())?;
    emitted.fix(block.addr()).ok_or(MachineError::ArenaFull(emitted.code.len()))?;
    arena::write(block.addr(), &emitted.code)?;
    block.protect(0, block.len(), arena::Access::Execute)?;
    count(counts);
    Ok(Slots { range, block, steps: emitted.steps, patches, kept })
}

impl Slots {
    /// Changes the module's text.
    fn patch(&self) -> Result<(), MachineError> {
        for patch in &self.patches {
            // Nobody enters behind the jump; if that is wrong, the int3 there finds the instruction.
            let mut new = vec![INT3; patch.len];
            if let Some(jump) = new.first_chunk_mut::<{ plan::JUMP }>() {
                let to = self.block.addr() + patch.place as u64;
                let [a, b, c, d] = (to.wrapping_sub(patch.addr + plan::JUMP as u64) as u32).to_le_bytes();
                *jump = [0xe9, a, b, c, d];
            }
            arena::write(patch.addr, &new)?;
        }
        Ok(())
    }

    /// The stretch of the new code that contains `addr`, and where it begins.
    fn step_at(&self, addr: u64) -> Option<(u64, Step)> {
        let offset = addr.checked_sub(self.block.addr()).filter(|offset| *offset < self.block.len() as u64)?;
        let after = self.steps.partition_point(|step| u64::from(step.at) <= offset);
        let step = self.steps.get(after.checked_sub(1)?)?;
        Some((self.block.addr() + u64::from(step.at), *step))
    }

    /// Where the new code of the instruction that was at `old` begins.
    fn moved(&self, old: u64) -> Option<u64> {
        let first = self.steps.partition_point(|step| u64::from(step.old) < old);
        let step = self.steps.get(first).filter(|step| u64::from(step.old) == old)?;
        Some(self.block.addr() + u64::from(step.at))
    }

    /// Puts what was replaced into bytes that were read at `addr`.
    fn restore(&self, addr: u64, bytes: &mut [u8]) {
        let end = addr + bytes.len() as u64;
        let first = self.patches.partition_point(|patch| patch.addr + patch.len as u64 <= addr);
        for patch in self.patches.iter().skip(first).take_while(|patch| patch.addr < end) {
            for (offset, old) in self.kept.iter().skip(patch.kept).take(patch.len).enumerate() {
                let at = (patch.addr + offset as u64).checked_sub(addr).and_then(|at| bytes.get_mut(at as usize));
                at.into_iter().for_each(|byte| *byte = *old);
            }
        }
    }
}

fn step_at(addr: u64) -> Option<(u64, Step)> {
    all().iter().find_map(|slots| slots.step_at(addr))
}

/// Puts the module's own instructions into bytes that were read at `addr`.
pub fn restore(addr: u64, bytes: &mut [u8]) {
    for slots in all().iter().filter(|slots| slots.range.contains(&addr)) {
        slots.restore(addr, bytes);
    }
}

/// What a trap has to do with all this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// It is dealt with: the registers say where to go on.
    Done,
    /// An instruction that moved caused it: the registers are as if it had not moved, these were the real ones.
    Moved(Regs),
}

/// Looks at a trap of module code.
pub fn meet(kind: TrapKind, regs: &mut Regs) -> Met {
    if check::mode() != check::Mode::Exact {
        return Met::Nothing;
    }
    let is_breakpoint = kind == TrapKind::Breakpoint;
    if let Some(found) = shadow::found(if is_breakpoint { regs.ip.wrapping_sub(1) } else { regs.ip }, is_breakpoint) {
        return in_routine(found, regs);
    }
    if is_breakpoint && let Some(to) = all().iter().find_map(|slots| slots.moved(regs.ip.wrapping_sub(1))) {
        regs.ip = to;
        return Met::Done;
    }
    let Some((at, step)) = step_at(regs.ip) else { return Met::Nothing };
    // Between the instructions the registers are not the module's: whoever interrupts asks again.
    if kind == TrapKind::Lockup && regs.ip != at {
        return Met::Done;
    }
    let real = *regs;
    // Only a call has two parts: it has pushed where it comes back to when its operand cannot be read.
    if step.kind == Kind::Itself && regs.ip != at {
        regs.sp = regs.sp.wrapping_add(8);
    }
    regs.ip = step.old.into();
    Met::Moved(real)
}

fn in_routine(found: Found, regs: &mut Regs) -> Met {
    match found {
        // The instruction will say what is wrong with the address.
        Found::NoShadow(next) => regs.ip = next,
        Found::Closed { size, pushed } => look(size, pushed, regs),
        Found::Other => return overflow(regs),
    }
    Met::Done
}

/// The shadow does not let an access pass: what is it?
fn look(size: usize, pushed: usize, regs: &Regs) {
    let word = |n: usize| access::get::<u64>(regs.sp + 8 * n as u64).unwrap_or(0);
    let Some((_, step)) = step_at(word(pushed).wrapping_sub(1)) else { return };
    let ip = u64::from(step.old);
    let (mut addr, len) = (regs.ax, if size == 0 { regs.dx as usize } else { size });
    const DOWN: u64 = 1 << 10;
    // The routine for any length has the flags on top of its stack.
    if size == 0 && word(0) & DOWN != 0 {
        let mut bytes = [0; LONGEST];
        let element = if read(ip, &mut bytes) { decode(ip, &bytes).memory_size().size() } else { 0 };
        addr = addr.wrapping_add(element as u64).wrapping_sub(len as u64);
    }
    kasan::look_at(Access { addr, size: len, write: step.kind == Kind::Write, ip, by: None });
}

fn decode(ip: u64, bytes: &[u8]) -> iced_x86::Instruction {
    Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE).decode()
}

/// Reads the module's own instructions.
pub fn read(addr: u64, bytes: &mut [u8]) -> bool {
    let is_read = access::read(addr, bytes).is_ok();
    restore(addr, bytes);
    is_read
}

/// A routine came to the end of the module's stack.
fn overflow(regs: &mut Regs) -> Met {
    /// More words than a routine pushes.
    const PUSHED: u64 = 8;
    let words = (0..PUSHED).map(|n| regs.sp + 8 * n);
    let caller = words.into_iter().find_map(|at| {
        let (_, step) = step_at(access::get::<u64>(at).ok()?)?;
        Some((at, step))
    });
    let Some((at, step)) = caller else { return Met::Nothing };
    let real = *regs;
    // Above the return address lies what the slot pushed.
    (regs.sp, regs.ip) = (at + 16, step.old.into());
    Met::Moved(real)
}
