//! The kernel's lists as records. Counterpart: the end of fs/seq_file.c.
//!
//! The variants for RCU are the same here: a reader of a list that is changed under it sees each link whole.

use kabi::{KPtr, KResult, exports, kexport};

exports![seq_list_start, seq_list_start_head, seq_list_next, seq_hlist_start, seq_hlist_start_head, seq_hlist_next];

type Link = KPtr;

/// `SEQ_START_TOKEN`
const START_TOKEN: Link = KPtr::new(1);
const NONE: Link = KPtr::new(0);

fn next(link: Link) -> KResult<Link> {
    Ok(KPtr::new(link.get(0)?))
}

/// The entry number `pos` of a list that ends at `head`; NULL behind the last.
fn nth(head: Link, mut pos: i64) -> KResult<Link> {
    let mut link = next(head)?;
    while link != head && !link.is_null() {
        if pos == 0 {
            return Ok(link);
        }
        pos -= 1;
        link = next(link)?;
    }
    Ok(NONE)
}

fn step(pos: KPtr) -> KResult {
    let at: i64 = pos.get(0)?;
    pos.put(0, at.wrapping_add(1))
}

/// The list's entry number `pos`.
#[kexport(since = "2.6.22", header = "linux/seq_file.h", symbol = "seq_list_start_rcu")]
fn seq_list_start(head: Link, pos: i64) -> KResult<Link> {
    nth(head, pos)
}

/// [`seq_list_start`] where the head is the record 0.
#[kexport(since = "2.6.22", header = "linux/seq_file.h", symbol = "seq_list_start_head_rcu")]
fn seq_list_start_head(head: Link, pos: i64) -> KResult<Link> {
    if pos == 0 { Ok(head) } else { nth(head, pos - 1) }
}

/// The entry behind one; NULL at the end.
#[kexport(since = "2.6.22", header = "linux/seq_file.h", symbol = "seq_list_next_rcu")]
fn seq_list_next(link: Link, head: Link, pos: KPtr) -> KResult<Link> {
    let next = next(link)?;
    step(pos)?;
    Ok(if next == head { NONE } else { next })
}

/// The hash list's entry number `pos`.
#[kexport(since = "2.6.33", header = "linux/seq_file.h", symbol = "seq_hlist_start_rcu")]
fn seq_hlist_start(head: Link, pos: i64) -> KResult<Link> {
    nth(head, pos)
}

/// [`seq_hlist_start`] where `SEQ_START_TOKEN` is the record 0.
#[kexport(since = "2.6.33", header = "linux/seq_file.h", symbol = "seq_hlist_start_head_rcu")]
fn seq_hlist_start_head(head: Link, pos: i64) -> KResult<Link> {
    if pos == 0 { Ok(START_TOKEN) } else { nth(head, pos - 1) }
}

/// The entry behind one, or the first behind `SEQ_START_TOKEN`.
#[kexport(since = "2.6.33", header = "linux/seq_file.h", symbol = "seq_hlist_next_rcu")]
fn seq_hlist_next(record: Link, head: Link, pos: KPtr) -> KResult<Link> {
    step(pos)?;
    if record == START_TOKEN { next(head) } else { next(record) }
}
