//! Notifier chains: functions that are called when something happens. Counterpart: kernel/notifier.c.
//!
//! A chain is a list of the modules' own `struct notifier_block`, sorted by priority. DIFFERS: calls hold no lock, so
//! that unregistering does not wait for a call that is under way.

use crate::log;
use crate::mm::owned::{self, Block, Kind};
use kabi::errno::{EEXIST, ENOENT};
use kabi::{Errno, Field, KPtr, KResult, c_int, c_ulong, exports, kexport};
use std::sync::{Mutex, PoisonError};

exports![
    raw_notifier_chain_register,
    raw_notifier_chain_unregister,
    raw_notifier_call_chain,
    atomic_notifier_chain_register,
    atomic_notifier_chain_unregister,
    atomic_notifier_call_chain,
    blocking_notifier_chain_register,
    blocking_notifier_chain_unregister,
    blocking_notifier_call_chain
];

/// The kernel's `struct notifier_block`.
#[derive(Debug)]
pub struct NotifierBlock;

/// A pointer to the first block of a chain.
pub type Head = KPtr<KPtr<NotifierBlock>>;

static CALL: Field = Field::new("notifier_block", "notifier_call");
static NEXT: Field = Field::new("notifier_block", "next");
static PRIORITY: Field = Field::new("notifier_block", "priority");
static ATOMIC_HEAD: Field = Field::new("atomic_notifier_head", "head");
static BLOCKING_HEAD: Field = Field::new("blocking_notifier_head", "head");

/// What it is called in reports.
const BLOCK: Kind = Kind::Other("notifier");
/// `NOTIFY_STOP_MASK`: no more calls.
const STOP: i32 = 0x8000;
/// `NOTIFY_OK`.
const OK: i32 = 1;

/// One chain is changed at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Puts a block into a chain, behind those of its own priority.
///
/// # Errors
/// `EEXIST`: it is there already.
pub fn register(head: Head, block: KPtr<NotifierBlock>) -> KResult {
    put_in(head, block)?;
    // A chain of a module's own goes with it.
    if crate::module::containing(head.addr()).is_none() {
        owned::note(block.addr(), Block::new(BLOCK, 0).named(&function_name(CALL.get(block)?)));
    }
    Ok(())
}

fn put_in(head: Head, block: KPtr<NotifierBlock>) -> KResult {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let priority: i32 = PRIORITY.get(block)?;
    let mut slot: KPtr = head.cast();
    loop {
        let next = KPtr::<NotifierBlock>::new(slot.get(0)?);
        if next == block {
            let function = function_name(CALL.get(block)?);
            log::line(4, "------------[ cut here ]------------");
            log::line(4, &format!("notifier callback {function} already registered"));
            crate::fault::warn_at_caller();
            return Err(EEXIST.into());
        }
        if next.is_null() || priority > PRIORITY.get(next)? {
            NEXT.put(block, next.addr())?;
            return slot.put(0, block.addr());
        }
        slot = NEXT.of(next)?;
    }
}

/// What `%ps` prints of a module's function.
fn function_name(addr: u64) -> String {
    let known = crate::module::containing(addr).and_then(|module| {
        let image = module.image();
        Some(format!("{} [{}]", image.symbol_at(addr)?.name, module.name()))
    });
    known.unwrap_or_else(|| crate::fault::describe(addr))
}

/// Takes a block out of a chain.
///
/// # Errors
/// `ENOENT`: it is not there.
pub fn unregister(head: Head, block: KPtr<NotifierBlock>) -> KResult {
    take_out(head, block)?;
    owned::take(BLOCK, block.addr());
    Ok(())
}

fn take_out(head: Head, block: KPtr<NotifierBlock>) -> KResult {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut slot: KPtr = head.cast();
    loop {
        let next = KPtr::<NotifierBlock>::new(slot.get(0)?);
        if next.is_null() {
            return Err(ENOENT.into());
        }
        if next == block {
            return slot.put(0, NEXT.get::<u64, _>(block)?);
        }
        slot = NEXT.of(next)?;
    }
}

/// Calls the functions of a chain in turn until one says stop: what the last one said.
///
/// # Errors
/// When one dies.
pub fn call_chain(head: Head, event: u64, data: u64) -> KResult<i32> {
    call_first(head, event, data, usize::MAX).map(|(said, _)| said)
}

/// [`call_chain`]; if one says that it failed, those that were called before it are told `undo`.
///
/// # Errors
/// When one dies.
pub fn call_chain_robust(head: Head, event: u64, undo: u64, data: u64) -> KResult<i32> {
    let (said, called) = call_first(head, event, data, usize::MAX)?;
    if error_of(said).is_some() {
        call_first(head, undo, data, called - 1)?;
    }
    Ok(said)
}

/// Calls at most `most` functions of a chain: what the last one said, and how many it were.
fn call_first(head: Head, event: u64, data: u64, most: usize) -> KResult<(i32, usize)> {
    let (mut said, mut called) = (0, 0);
    let mut next: u64 = head.get(0)?;
    while next != 0 && called < most {
        called += 1;
        let block = KPtr::<NotifierBlock>::new(next);
        next = NEXT.get(block)?;
        said = kabi::call(CALL.get(block)?, &[block.addr(), event, data])? as i32;
        if said & STOP != 0 {
            break;
        }
    }
    Ok((said, called))
}

/// `notifier_to_errno`: the error that a notifier's answer stands for.
pub fn error_of(said: i32) -> Option<Errno> {
    let said = said & !STOP;
    (said > OK).then(|| Errno(said - OK))
}

macro_rules! kind {
    ($head:expr, $what:literal; $register:ident, $unregister:ident, $call:ident) => {
        #[doc = concat!("Puts a block into ", $what, ".")]
        ///
        /// # Errors
        /// `EEXIST`: it is there already.
        #[kexport(since = "2.6.17", header = "linux/notifier.h", gpl)]
        fn $register(chain: KPtr, block: KPtr<NotifierBlock>) -> KResult {
            register(($head)(chain)?, block)
        }

        #[doc = concat!("Takes a block out of ", $what, ".")]
        ///
        /// # Errors
        /// `ENOENT`: it is not there.
        #[kexport(since = "2.6.17", header = "linux/notifier.h", gpl)]
        fn $unregister(chain: KPtr, block: KPtr<NotifierBlock>) -> KResult {
            unregister(($head)(chain)?, block)
        }

        #[doc = concat!("Calls the functions of ", $what, ".")]
        #[kexport(since = "2.6.17", header = "linux/notifier.h", gpl)]
        fn $call(chain: KPtr, event: c_ulong, data: u64) -> KResult<c_int> {
            call_chain(($head)(chain)?, event, data)
        }
    };
}

kind!(|chain: KPtr| KResult::Ok(chain.cast()), "a chain without a lock";
    raw_notifier_chain_register, raw_notifier_chain_unregister, raw_notifier_call_chain);
kind!(|chain: KPtr| KResult::Ok(ATOMIC_HEAD.of(chain)?.cast()), "a chain that is called where nothing may sleep";
    atomic_notifier_chain_register, atomic_notifier_chain_unregister, atomic_notifier_call_chain);
kind!(|chain: KPtr| KResult::Ok(BLOCKING_HEAD.of(chain)?.cast()), "a chain whose functions may sleep";
    blocking_notifier_chain_register, blocking_notifier_chain_unregister, blocking_notifier_call_chain);

#[test]
fn answers_carry_errors_above_ok() {
    assert_eq!([0, 1, 0x8001, 0x8000 | 13].map(error_of), [None, None, None, Some(Errno(12))]);
}
