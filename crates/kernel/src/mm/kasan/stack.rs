//! Variables on the stack, of modules that were built to be checked.
//!
//! The compiler leaves room between the variables of a function and closes it when the function begins: it writes the shadow
//! itself ([`machine::shadow`]). At the start of such a frame lie a mark and a text that names the variables. What lives in
//! a block of the source only, and `alloca`'s memory, is closed and opened by calls. Counterparts:
//! `print_address_stack_frame` of mm/kasan/report_generic.c, mm/kasan/generic.c.

use super::text;
use crate::mm::check::Report;
use crate::mm::guard::Access;
use kabi::{KResult, exports, kexport};
use machine::{access, shadow, task};

exports![__asan_poison_stack_memory, __asan_unpoison_stack_memory, __asan_alloca_poison, __asan_allocas_unpoison];

/// The shadow that the compiler writes: before, between and behind variables, of those whose block ended, around alloca's.
const LEFT: u8 = 0xf1;
const BETWEEN: u8 = 0xf2;
const RIGHT: u8 = 0xf3;
const ENDED: u8 = 0xf8;
const ALLOCA_LEFT: u8 = 0xca;
const ALLOCA_RIGHT: u8 = 0xcb;
/// The first word of a frame with room between variables.
const MARK: u64 = 0x41b5_8ab3;
/// The compiler's alignment of variables, and the room around alloca's memory.
const ROOM: u64 = 32;
/// Stacks are no larger.
const STACK: u64 = 64 << 10;

/// A variable in its frame.
#[derive(Debug, PartialEq, Eq)]
struct Variable {
    offset: u64,
    size: u64,
    name: String,
}

/// The variables of a frame as its text tells them: their number; then offset, size, length of the name, the name, which may
/// be followed by a colon and its line.
fn variables(text: &str) -> Vec<Variable> {
    fn next<'t>(rest: &mut &'t str) -> Option<&'t str> {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        *rest = behind;
        (!word.is_empty()).then_some(word)
    }
    let mut rest = text;
    let count: usize = next(&mut rest).and_then(|word| word.parse().ok()).unwrap_or(0);
    let mut out = Vec::new();
    while out.len() < count {
        let mut number = || next(&mut rest)?.parse::<u64>().ok();
        let (Some(offset), Some(size), Some(len)) = (number(), number(), number()) else { break };
        let Some(name) = usize::try_from(len).ok().and_then(|len| rest.get(..len)) else { break };
        rest = rest.get(name.len()..).unwrap_or_default().trim_start_matches(' ');
        out.push(Variable { offset, size, name: name.split(':').next().unwrap_or_default().to_string() });
    }
    out
}

fn kind_of(addr: u64) -> u8 {
    shadow::value(addr) as u8
}

/// The first byte of an access that is closed.
fn first_closed(access: Access) -> u64 {
    let end = access.addr.saturating_add(access.size.max(1) as u64);
    (access.addr..end).find(|byte| !shadow::is_open(*byte, 1)).unwrap_or(access.addr)
}

/// The start of the frame with room between variables in which `addr` lies.
fn frame_of(addr: u64) -> Option<u64> {
    let granules = (addr.saturating_sub(STACK)..=addr).rev().filter(|at| at.is_multiple_of(shadow::GRANULE));
    let left = granules.into_iter().find(|at| kind_of(*at) == LEFT)?;
    let start = (left.saturating_sub(STACK)..=left).rev().step_by(8).take_while(|at| kind_of(*at) == LEFT).last()?;
    (access::unwatched::get::<u64>(start) == Ok(MARK)).then_some(start)
}

/// Where an access lies of whose bytes that at `closed` is the first closed one, as reports say it.
fn place(access: Access, closed: u64) -> String {
    let described = || {
        let frame = frame_of(closed)?;
        let names = access::unwatched::get::<u64>(frame + 8).ok()?;
        in_frame(&variables(&text(names)), access.addr.saturating_sub(frame), closed - frame, access.size as u64)
    };
    described().unwrap_or_else(|| "to no variable of the stack".to_string())
}

/// The same with offsets in the frame of these variables. Between two of them, it is the nearer one that was meant.
fn in_frame(all: &[Variable], addr: u64, closed: u64, size: u64) -> Option<String> {
    let end = |variable: &Variable| variable.offset + variable.size;
    let before = all.iter().filter(|variable| variable.offset <= closed).max_by_key(|variable| variable.offset);
    let behind = all.iter().filter(|variable| variable.offset > closed).min_by_key(|variable| variable.offset);
    let past = before.map_or(u64::MAX, |variable| addr.saturating_sub(end(variable)));
    let variable = behind.filter(|next| next.offset - closed < past).or(before)?;
    let Variable { offset, size: len, name } = variable;
    let place = match end(variable) {
        _ if closed < *offset => format!("{} bytes before", offset - addr),
        end if closed < end => format!("{} bytes into", closed - offset),
        end if addr < end => format!("its last {} bytes past the end of", addr + size - end),
        end => format!("{} bytes past the end of", addr - end),
    };
    Some(format!("{place} {name} ({len} bytes, on the stack)"))
}

/// Reports an access to a closed part of a stack; nothing if it is none.
pub(super) fn look_at(access: Access) {
    let closed = first_closed(access);
    // A granule of which only the first bytes are open is followed by what says why.
    let kind = match kind_of(closed) {
        1..=7 => kind_of(closed + shadow::GRANULE),
        kind => kind,
    };
    let (title, what) = match kind {
        LEFT | BETWEEN | RIGHT => {
            ("stack-out-of-bounds", format!("out-of-bounds {}, {}", access.text(), place(access, closed)))
        }
        ENDED => ("use-after-scope", format!("use after scope: {}, {}", access.text(), place(access, closed))),
        ALLOCA_LEFT | ALLOCA_RIGHT => {
            let side = if kind == ALLOCA_LEFT { "before" } else { "past the end of" };
            (
                "alloca-out-of-bounds",
                format!("out-of-bounds {}, {side} an array of variable length on the stack", access.text()),
            )
        }
        _ => return,
    };
    access.publish(title, what, |report: Report| report);
}

/// Closes a variable whose block ends.
#[kexport(since = "4.11", header = "linux/kasan.h")]
fn __asan_poison_stack_memory(addr: u64, size: u64) {
    task::set_stack_shadow(addr, size.next_multiple_of(shadow::GRANULE), ENDED as i8);
}

/// Opens a variable whose block begins.
#[kexport(since = "4.11", header = "linux/kasan.h")]
fn __asan_unpoison_stack_memory(addr: u64, size: u64) {
    open(addr, size);
}

fn open(addr: u64, size: u64) {
    task::set_stack_shadow(addr, size, 0);
    let rest = size % shadow::GRANULE;
    if rest > 0 {
        task::set_stack_shadow(addr + size - rest, shadow::GRANULE, rest as i8);
    }
}

/// Closes the room around an array whose length the caller decided.
#[kexport(since = "4.16", header = "linux/kasan.h")]
fn __asan_alloca_poison(addr: u64, size: u64) -> KResult {
    let Some(behind) = addr.checked_add(size).map(|end| end.next_multiple_of(shadow::GRANULE)) else { return Ok(()) };
    let end = behind.next_multiple_of(ROOM).saturating_add(ROOM);
    task::set_stack_shadow(addr.saturating_sub(ROOM), ROOM, ALLOCA_LEFT as i8);
    open(addr, size);
    task::set_stack_shadow(behind, end - behind, ALLOCA_RIGHT as i8);
    Ok(())
}

/// Opens the stack between its top and what such arrays took of it.
#[kexport(since = "4.16", header = "linux/kasan.h")]
fn __asan_allocas_unpoison(top: u64, bottom: u64) {
    if top != 0 && top < bottom {
        task::set_stack_shadow(top, bottom - top, 0);
    }
}

#[test]
fn a_frames_text_names_its_variables() {
    let variable = |offset, size, name: &str| Variable { offset, size, name: name.into() };
    assert_eq!(variables("2 32 12 3 k:2 64 13 5 buf:2"), [variable(32, 12, "k"), variable(64, 13, "buf")]);
    assert_eq!(variables("1 48 8 9 <unknown>"), [variable(48, 8, "<unknown>")]);
    assert_eq!(variables("3 32 1 1 a 64"), [variable(32, 1, "a")]);
    assert_eq!(variables(""), []);
}

#[test]
fn an_access_belongs_to_the_nearer_variable() {
    let all = variables("2 32 12 3 k:2 64 13 5 buf:2");
    let place = |addr, closed, size| in_frame(&all, addr, closed, size).unwrap_or_default();
    assert_eq!(place(44, 44, 4), "0 bytes past the end of k (12 bytes, on the stack)");
    assert_eq!(place(40, 44, 8), "its last 4 bytes past the end of k (12 bytes, on the stack)");
    assert_eq!(place(63, 63, 1), "1 bytes before buf (13 bytes, on the stack)");
    assert_eq!(place(31, 31, 1), "1 bytes before k (12 bytes, on the stack)");
    assert_eq!(place(70, 70, 1), "6 bytes into buf (13 bytes, on the stack)");
    assert_eq!(in_frame(&[], 1, 1, 1), None);
}
