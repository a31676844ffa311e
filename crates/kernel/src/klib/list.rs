//! Checks of linked lists: what `CONFIG_DEBUG_LIST` makes of list_add and list_del. Counterpart: lib/list_debug.c.

use crate::log;
use kabi::{KPtr, KResult, exports, kexport};

exports![__list_add_valid, __list_del_entry_valid];

/// Makes a list empty, or an entry one that is in no list (`INIT_LIST_HEAD`).
pub(crate) fn init_list_head(head: KPtr) -> KResult {
    head.put(0, head.addr())?;
    head.put(8, head.addr())
}

/// Links between a link and the one behind it (`list_add`).
pub(crate) fn link_behind(new: KPtr, before: KPtr) -> KResult {
    let after = KPtr::<()>::new(before.get(0)?);
    new.put(0, after.addr())?;
    new.put(8, before.addr())?;
    after.put(8, new.addr())?;
    before.put(0, new.addr())
}

/// Takes a link out; it then is alone (`list_del_init`).
pub(crate) fn unlink(link: KPtr) -> KResult {
    let (after, before) = (KPtr::<()>::new(link.get(0)?), KPtr::<()>::new(link.get(8)?));
    before.put(0, after.addr())?;
    after.put(8, before.addr())?;
    init_list_head(link)
}

/// True if a link is in a list and its neighbours know it.
pub(crate) fn is_linked(link: KPtr) -> bool {
    let next = |link: KPtr| link.get::<u64>(0).unwrap_or(0);
    let prev = |link: KPtr| link.get::<u64>(8).unwrap_or(0);
    let (after, before) = (KPtr::new(next(link)), KPtr::new(prev(link)));
    after != link && prev(after) == link.addr() && next(before) == link.addr()
}

/// What list_del leaves behind.
const POISON1: u64 = 0xdead_0000_0000_0100;
const POISON2: u64 = 0xdead_0000_0000_0122;

/// `struct list_head`: next, then prev.
#[derive(Debug)]
struct ListHead;

impl ListHead {
    fn next(list: KPtr<Self>) -> KResult<u64> {
        list.get(0)
    }

    fn prev(list: KPtr<Self>) -> KResult<u64> {
        list.get(8)
    }
}

fn report(text: &str) -> KResult<bool> {
    log::line(3, text);
    crate::fault::warn_at_caller();
    Ok(false)
}

/// True if `new` may be put between `prev` and `next`; reports a corruption otherwise.
#[kexport(since = "4.10", header = "linux/list.h", symbol = "__list_add_valid_or_report")]
fn __list_add_valid(new: KPtr<ListHead>, prev: KPtr<ListHead>, next: KPtr<ListHead>) -> KResult<bool> {
    if prev.is_null() {
        return report("list_add corruption. prev is NULL.");
    }
    if next.is_null() {
        return report("list_add corruption. next is NULL.");
    }
    let (back, forth) = (ListHead::prev(next)?, ListHead::next(prev)?);
    let (n, p, x) = (new.addr(), prev.addr(), next.addr());
    if back != p {
        return report(&format!(
            "list_add corruption. next->prev should be prev ({p:016x}), but was {back:016x}. (next={x:016x})."
        ));
    }
    if forth != x {
        return report(&format!(
            "list_add corruption. prev->next should be next ({x:016x}), but was {forth:016x}. (prev={p:016x})."
        ));
    }
    if n == p || n == x {
        return report(&format!("list_add double add: new={n:016x}, prev={p:016x}, next={x:016x}."));
    }
    Ok(true)
}

/// True if `entry` may be taken out of its list; reports a corruption otherwise.
#[kexport(since = "4.10", header = "linux/list.h", symbol = "__list_del_entry_valid_or_report")]
fn __list_del_entry_valid(entry: KPtr<ListHead>) -> KResult<bool> {
    let (prev, next, e) = (ListHead::prev(entry)?, ListHead::next(entry)?, entry.addr());
    match (next, prev) {
        (0, _) => return report(&format!("list_del corruption, {e:016x}->next is NULL")),
        (_, 0) => return report(&format!("list_del corruption, {e:016x}->prev is NULL")),
        (POISON1, _) => {
            return report(&format!("list_del corruption, {e:016x}->next is LIST_POISON1 ({POISON1:016x})"));
        }
        (_, POISON2) => {
            return report(&format!("list_del corruption, {e:016x}->prev is LIST_POISON2 ({POISON2:016x})"));
        }
        _ => {}
    }
    let forth = ListHead::next(KPtr::new(prev))?;
    if forth != e {
        return report(&format!(
            "list_del corruption. prev->next should be {e:016x}, but was {forth:016x}. (prev={prev:016x})"
        ));
    }
    let back = ListHead::prev(KPtr::new(next))?;
    if back != e {
        return report(&format!(
            "list_del corruption. next->prev should be {e:016x}, but was {back:016x}. (next={next:016x})"
        ));
    }
    Ok(true)
}
