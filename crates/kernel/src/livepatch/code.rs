//! The first instruction of a patched function. Counterpart: kernel/livepatch/patch.c and what it uses of
//! kernel/trace/ftrace.c.
//!
//! Every function that can be traced begins with five bytes for a call, which are a nop when nobody traces. Here they
//! become a jump to the function that replaces it.

use super::patches;
use crate::module::Module;
use kabi::{KError, KResult};
use machine::{access, livepatch};

/// The nop that the loader puts there.
const NOP: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];

/// The place in a function that can be changed; `None` if it is compiled without one.
pub(super) fn site(module: &Module, function: u64) -> Option<u64> {
    let image = module.image();
    let size = image.symbol_at(function)?.size;
    let table = image.section("__mcount_loc")?;
    let entries = (0..table.size / 8).map_while(|index| access::get::<u64>(table.addr + 8 * index).ok());
    entries.into_iter().find(|site| site.wrapping_sub(function) < size)
}

/// Leads a function to where the newest patch that has it wants it.
pub(super) fn settle(module: &Module, function: u64) -> KResult {
    let Some(site) = site(module, function) else { return Ok(()) };
    let funcs = patches().into_iter().rev().flat_map(|patch| patch.objects()).flat_map(|object| object.funcs());
    let newest = funcs.into_iter().find(|func| func.patched && func.old == function);
    let instruction = match newest.and_then(|func| func.target()) {
        None => NOP,
        Some(target) => {
            let [a, b, c, d] = (target.wrapping_sub(site + 5) as u32).to_le_bytes();
            [0xe9, a, b, c, d]
        }
    };
    livepatch::replace(site, &instruction).map_err(|_| KError::Bug("a function's first instruction cannot be changed"))
}
