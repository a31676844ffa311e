//! Static calls: calls of a function that can be exchanged. Counterpart: kernel/static_call_inline.c,
//! arch/x86/kernel/static_call.c.
//!
//! The kernel rewrites every call site. Here sites keep calling the key's trampoline, five bytes of module code, and
//! only that is rewritten: the module sees the same.

use crate::module::symbols;
use kabi::{Field, KError, KPtr, KResult, exports, kexport};
use machine::{access, livepatch};
use std::sync::{Mutex, PoisonError};

exports![__static_call_update];

static FUNC: Field = Field::new("static_call_key", "func");

const JMP: u8 = 0xe9;
/// `ret` and what keeps the processor from running on.
const RETURN: [u8; 5] = [0xc3, 0xcc, 0xcc, 0xcc, 0xcc];
/// `xor eax, eax; ret`.
const RETURN_0: [u8; 5] = [0x31, 0xc0, 0xc3, 0xcc, 0xcc];

/// The trampoline's code for a target; `None` if it lies out of reach.
fn trampoline(at: u64, target: u64, return0: u64) -> Option<[u8; 5]> {
    if target == 0 {
        return Some(RETURN);
    }
    if target == return0 {
        return Some(RETURN_0);
    }
    let distance = i32::try_from(target.wrapping_sub(at.wrapping_add(5)) as i64).ok()?.to_le_bytes();
    Some([JMP, distance[0], distance[1], distance[2], distance[3]])
}

/// Lets a static call go to another function; NULL makes it do nothing.
#[kexport(since = "5.10", header = "linux/static_call.h", gpl)]
fn __static_call_update(key: KPtr, tramp: KPtr, func: KPtr) -> KResult {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if FUNC.get::<u64, _>(key)? == func.addr() {
        return Ok(());
    }
    FUNC.put(key, func.addr())?;
    if tramp.is_null() {
        return Ok(());
    }
    let return0 = symbols::address_of("__static_call_return0").ok().flatten().unwrap_or(0);
    let new = trampoline(tramp.addr(), func.addr(), return0);
    let new = new.ok_or(KError::Bug("a static call's new function is out of reach of its trampoline"))?;
    let mut old = [0; 5];
    access::read(tramp.addr(), &mut old)?;
    // What stands in a trampoline: a jump, a return, or a cleared result and a return.
    if !matches!(old, [JMP, ..] | [0xc3, ..] | [0x31, 0xc0, 0xc3, ..]) {
        return Err(KError::Bug("a static call's trampoline holds no jump and no return"));
    }
    livepatch::replace(tramp.addr(), &new).map_err(|_| KError::Bug("a static call's trampoline cannot be changed"))
}

#[cfg(test)]
mod tests {
    use super::trampoline;

    #[test]
    fn trampolines_jump_return_or_give_zero() {
        assert_eq!(trampoline(0x1000, 0x2000, 0x3000), Some([0xe9, 0xfb, 0x0f, 0, 0]));
        assert_eq!(trampoline(0x2000, 0x1000, 0x3000), Some([0xe9, 0xfb, 0xef, 0xff, 0xff]));
        assert_eq!(trampoline(0x1000, 0, 0x3000), Some([0xc3, 0xcc, 0xcc, 0xcc, 0xcc]));
        assert_eq!(trampoline(0x1000, 0x3000, 0x3000), Some([0x31, 0xc0, 0xc3, 0xcc, 0xcc]));
        assert_eq!(trampoline(0x1000, 0x1_0000_0000, 0x3000), None);
    }
}
