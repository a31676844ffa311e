//! `query_module(2)` and `get_kernel_syms(2)`. Counterpart: `sys_query_module`, `sys_get_kernel_syms` of kernel/module.c of
//! Linux 2.4.

use super::{Entry, List, list, symbols};
use kabi::errno::{EINVAL, ENOENT, ENOSPC};
use wire::LegacyReply;
use wire::legacy::{INFO_LEN, KERNEL_SYM_LEN, KERNEL_SYM_NAME, SYMBOL_LEN, UserString, query};

/// Rows of modules that `get_kernel_syms` gives.
const MOST_ROWS: usize = 200_000;

fn failure(errno: i32) -> LegacyReply {
    LegacyReply { errno, ..LegacyReply::default() }
}

/// Answers a question about a module, or about the kernel. Everybody may ask.
pub(super) fn query_module(name: Option<UserString>, which: i32, size: u64) -> LegacyReply {
    let name = match name {
        None => None,
        Some(Ok(name)) if name.is_empty() => return failure(EINVAL.0),
        Some(Ok(name)) => Some(name),
        Some(Err(errno)) => return failure(errno),
    };
    let list = list();
    let entry = name.as_ref().map(|name| list.named(name));
    match (which, entry) {
        (_, Some(None)) => failure(ENOENT.0),
        (query::NOTHING, _) => LegacyReply::default(),
        (query::MODULES, _) => names(list.entries.iter().map(|e| e.name.as_slice()), size),
        (query::SYMBOLS, None) => {
            let table = symbols::kernel();
            table_of(table.len(), table.iter().map(|s| (s.value, s.name.as_bytes())), size)
        }
        (query::SYMBOLS, Some(Some(entry))) => {
            let syms = if entry.can_query() { entry.syms.as_slice() } else { &[] };
            table_of(syms.len(), syms.iter().map(|s| (s.value, s.name.as_slice())), size)
        }
        (query::DEPS, Some(Some(entry))) => names(deps(&list, entry).into_iter(), size),
        (query::REFS, Some(Some(entry))) => {
            names(if entry.can_query() { list.users(entry) } else { Vec::new() }.into_iter(), size)
        }
        (query::INFO, Some(Some(entry))) => info(entry, size),
        _ => failure(EINVAL.0),
    }
}

fn deps<'a>(list: &'a List, entry: &Entry) -> Vec<&'a [u8]> {
    let ids = if entry.can_query() { entry.deps.as_slice() } else { &[] };
    ids.iter().filter_map(|id| list.get(*id)).map(|e| e.name.as_slice()).collect()
}

/// What fits goes to the buffer; otherwise `*ret` tells how many bytes are needed.
fn fitted(data: Vec<u8>, count: u64, size: u64) -> LegacyReply {
    let needed = data.len() as u64;
    if needed > size {
        return LegacyReply { ret: Some(needed), ..failure(ENOSPC.0) };
    }
    LegacyReply { data, ret: Some(count), errno: 0 }
}

fn names<'a>(names: impl Iterator<Item = &'a [u8]>, size: u64) -> LegacyReply {
    let (mut data, mut count) = (Vec::new(), 0);
    for name in names {
        data.extend_from_slice(name);
        data.push(0);
        count += 1;
    }
    fitted(data, count, size)
}

/// An array of values and offsets of names, and then the names.
fn table_of<'a>(count: usize, symbols: impl Iterator<Item = (u64, &'a [u8])>, size: u64) -> LegacyReply {
    let strings_at = count as u64 * SYMBOL_LEN;
    let (mut rows, mut strings) = (Vec::new(), Vec::new());
    for (value, name) in symbols {
        rows.extend_from_slice(&value.to_le_bytes());
        rows.extend_from_slice(&(strings_at + strings.len() as u64).to_le_bytes());
        strings.extend_from_slice(name);
        strings.push(0);
    }
    rows.append(&mut strings);
    fitted(rows, count as u64, size)
}

fn info(entry: &Entry, size: u64) -> LegacyReply {
    let numbers = [entry.addr, entry.size, entry.flags(), entry.shown_count() as u64];
    let reply = LegacyReply { ret: Some(INFO_LEN), ..LegacyReply::default() };
    if size < INFO_LEN {
        return LegacyReply { errno: ENOSPC.0, ..reply };
    }
    LegacyReply { data: numbers.iter().flat_map(|n| n.to_le_bytes()).collect(), ..reply }
}

/// How many rows `get_kernel_syms` says that there are: also those of modules that it then leaves out.
pub(super) fn count_of_syms() -> i64 {
    let list = list();
    let modules: usize = list.entries.iter().map(|e| e.syms.len() + 1).sum();
    (modules + symbols::kernel().len() + 1) as i64
}

/// The rows of `get_kernel_syms`: before each module's symbols one with its name and address, the kernel at the end.
pub(super) fn kernel_syms() -> Vec<u8> {
    let mut out = Vec::new();
    let mut row = |value: u64, name: &[u8]| {
        let start = out.len();
        out.extend_from_slice(&value.to_le_bytes());
        out.extend(name.iter().take(KERNEL_SYM_NAME - 1));
        out.resize(start + KERNEL_SYM_LEN, 0);
    };
    // The first ones where all would not fit into a message.
    let mut left = MOST_ROWS;
    for entry in list().entries.iter().filter(|e| e.can_query()) {
        left = left.saturating_sub(entry.syms.len() + 1);
        if left == 0 {
            break;
        }
        row(entry.addr, &[b"#", entry.name.as_slice()].concat());
        entry.syms.iter().for_each(|s| row(s.value, &s.name));
    }
    row(0, b"#");
    symbols::kernel().iter().for_each(|s| row(s.value, s.name.as_bytes()));
    out
}
