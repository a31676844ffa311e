//! Memory that the library itself takes and gives back: for modules through kmalloc's own functions, so that it is
//! theirs in every account, and for nodes of its own containers from the heap.

use crate::mm::owned::{self, Block, Kind};
use crate::module::symbols;
use kabi::errno::{EFAULT, ENOMEM};
use kabi::{KError, KPtr, KResult};
use machine::heap;

/// Calls an exported function as modules do.
pub(crate) fn call_export(name: &'static str, args: &[u64]) -> KResult<u64> {
    let entry = symbols::address_of(name).ok().flatten().ok_or(KError::Bug("a function of the kernel is missing"))?;
    kabi::call(entry, args)
}

/// Frees what kmalloc gave.
pub(super) fn kfree(p: KPtr) -> KResult {
    call_export("kfree", &[p.addr()]).map(|_| ())
}

/// Zeroed memory for a node of a container.
pub(super) fn take(len: usize) -> KResult<KPtr> {
    let addr = heap::alloc(len).ok_or(ENOMEM)?;
    machine::access::fill(addr, 0, len)?;
    Ok(KPtr::new(addr))
}

/// Gives back what [`take`] gave for as many bytes.
pub(super) fn give_back(p: KPtr, len: usize) {
    heap::free(p.addr(), len);
}

/// [`take`] for a part of a module's container: it is told if it is left behind.
pub(super) fn take_part(kind: Kind, len: usize) -> KResult<KPtr> {
    let p = take(len)?;
    owned::note(p.addr(), Block::new(kind, len));
    Ok(p)
}

/// Gives back what [`take_part`] gave.
pub(super) fn give_back_part(kind: Kind, p: KPtr, len: usize) {
    owned::take(kind, p.addr());
    give_back(p, len);
}

/// Copies what a program passes.
///
/// # Errors
/// `EFAULT`.
pub(super) fn from_user(from: KPtr, count: usize) -> KResult<Vec<u8>> {
    let mut bytes = vec![0u8; count];
    let buffer = take(count.max(1))?;
    let left = call_export("_copy_from_user", &[buffer.addr(), from.addr(), count as u64]);
    let read = machine::access::read(buffer.addr(), &mut bytes);
    give_back(buffer, count.max(1));
    if left? != 0 {
        return Err(EFAULT.into());
    }
    read?;
    Ok(bytes)
}

/// Frees what kvmalloc gave.
pub(crate) fn kvfree(p: KPtr) -> KResult {
    call_export("kvfree", &[p.addr()]).map(|_| ())
}
