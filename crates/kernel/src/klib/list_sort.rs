//! Sorting linked lists, and lists without locks. Counterpart: lib/list_sort.c, lib/llist.c.

use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![list_sort, llist_add_batch, llist_del_first, llist_reverse_order];

/// Merges neighbouring sorted runs until one is left; what compares equal keeps its order.
fn merge_sort(items: &mut Vec<u64>, after: &mut dyn FnMut(u64, u64) -> KResult<bool>) -> KResult {
    let mut width = 1;
    while width < items.len() {
        let mut out = Vec::with_capacity(items.len());
        for pair in items.chunks(2 * width) {
            let (mut a, mut b) = pair.split_at(width.min(pair.len()));
            while let ([x, more_a @ ..], [y, more_b @ ..]) = (a, b) {
                if after(*x, *y)? {
                    out.push(*y);
                    b = more_b;
                } else {
                    out.push(*x);
                    a = more_a;
                }
            }
            out.extend_from_slice(a);
            out.extend_from_slice(b);
        }
        *items = out;
        width *= 2;
    }
    Ok(())
}

/// Sorts a list: a comparison above 0 means that the first argument belongs behind the second. Stable.
#[kexport(since = "2.6.36", header = "linux/list_sort.h")]
fn list_sort(private: KPtr, list: KPtr, compare: KPtr) -> KResult {
    let mut items = Vec::new();
    let mut at: u64 = list.get(0)?;
    while at != list.addr() {
        items.push(at);
        at = access::get(at)?;
    }
    merge_sort(&mut items, &mut |a, b| Ok(kabi::call(compare.addr(), &[private.addr(), a, b])? as c_int > 0))?;
    let mut last = list.addr();
    for item in items.into_iter().chain([list.addr()]) {
        access::put(last, item)?;
        access::put(item + 8, last)?;
        last = item;
    }
    Ok(())
}

/// Puts a chain of entries in front of a list; true if it was empty.
#[kexport(gpl, since = "3.1", header = "linux/llist.h")]
fn llist_add_batch(first: KPtr, last: KPtr, list: KPtr) -> KResult<bool> {
    loop {
        let old: u64 = list.get(0)?;
        last.put(0, old)?;
        if access::compare_exchange_u64(list.addr(), old, first.addr())? == old {
            return Ok(old == 0);
        }
    }
}

/// Takes the first entry of a list, or NULL.
#[kexport(gpl, since = "3.1", header = "linux/llist.h")]
fn llist_del_first(list: KPtr) -> KResult<KPtr> {
    loop {
        let first: u64 = list.get(0)?;
        if first == 0 {
            return Ok(KPtr::NULL);
        }
        let next: u64 = access::get(first)?;
        if access::compare_exchange_u64(list.addr(), first, next)? == first {
            return Ok(KPtr::new(first));
        }
    }
}

/// Turns a chain of entries around; its new first one.
#[kexport(gpl, since = "3.14", header = "linux/llist.h")]
fn llist_reverse_order(first: KPtr) -> KResult<KPtr> {
    let (mut at, mut before) = (first.addr(), 0u64);
    while at != 0 {
        let next: u64 = access::get(at)?;
        access::put(at, before)?;
        (before, at) = (at, next);
    }
    Ok(KPtr::new(before))
}

#[test]
fn equal_items_keep_their_order() {
    for count in [0u64, 1, 2, 3, 7, 64, 100] {
        let mut items: Vec<u64> = (0..count).map(|i| (i * 37 % 10) << 32 | i).collect();
        let mut wanted = items.clone();
        wanted.sort_by_key(|item| item >> 32);
        merge_sort(&mut items, &mut |a, b| Ok(a >> 32 > b >> 32)).unwrap();
        assert_eq!(items, wanted);
    }
}
