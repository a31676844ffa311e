//! How walks move on before 6.8: a walk that comes to its limit is about the limit, and stays where it was.

use super::state::{At, State};
use super::tree::{self, Root};
use kabi::KResult;

/// Goes to the index, unless it stands somewhere already; what is there.
pub(super) fn walk(mas: &mut State) -> KResult<u64> {
    let entry = match mas.at {
        At::None | At::Root => 0,
        _ => mas.descend()?,
    };
    match mas.at {
        At::Root if mas.index == 0 => mas.last = 0,
        At::Root => (mas.index, mas.last) = (1, u64::MAX),
        At::None => (mas.index, mas.last) = (0, u64::MAX),
        _ => {}
    }
    Ok(entry)
}

/// Goes to the next entry that begins at `limit` or before.
fn on(mas: &mut State, limit: u64) -> KResult<u64> {
    if mas.index > limit {
        (mas.index, mas.last, mas.at) = (limit, limit, At::Pause);
        return Ok(0);
    }
    let (next, gap) = mas.beyond(true)?;
    if let Some(slot) = next.filter(|slot| slot.first <= limit) {
        mas.stand(slot);
        return Ok(slot.entry);
    }
    if let Some(gap) = gap.filter(|gap| gap.first <= limit) {
        mas.stay(gap);
    }
    (mas.index, mas.last) = (limit, limit);
    Ok(0)
}

/// Goes back to the entry before that ends at `limit` or behind.
fn back(mas: &mut State, limit: u64) -> KResult<u64> {
    if mas.index < limit {
        (mas.index, mas.last, mas.at) = (limit, limit, At::None);
        return Ok(0);
    }
    let (before, gap) = mas.beyond(false)?;
    let before = before.filter(|_| gap.is_none_or(|gap| gap.last >= limit));
    match before {
        Some(slot) if slot.last >= limit => {
            mas.stand(slot);
            return Ok(slot.entry);
        }
        Some(slot) => mas.stay(slot),
        None => mas.at = At::None,
    }
    (mas.index, mas.last) = (limit, limit);
    Ok(0)
}

fn begin_again(mas: &mut State) {
    if matches!(mas.at, At::None | At::Pause) {
        mas.at = At::Start;
    }
}

pub(super) fn next(mas: &mut State, max: u64) -> KResult<u64> {
    begin_again(mas);
    if mas.at == At::Start {
        walk(mas)?;
    }
    if mas.at == At::Root {
        if mas.index == 0 {
            (mas.index, mas.last) = (1, u64::MAX);
        }
        return Ok(0);
    }
    if mas.last == u64::MAX { Ok(0) } else { on(mas, max) }
}

pub(super) fn prev(mas: &mut State, min: u64) -> KResult<u64> {
    if mas.index == 0 {
        (mas.last, mas.at) = (0, At::None);
        return Ok(0);
    }
    if mas.at == At::Root {
        return Ok(0);
    }
    begin_again(mas);
    if mas.at == At::Start {
        walk(mas)?;
        if mas.index == 0 {
            return Ok(0);
        }
    }
    if mas.at == At::Root {
        (mas.index, mas.last) = (0, 0);
        return only(mas);
    }
    back(mas, min)
}

/// The entry of a tree that has but one.
pub(super) fn only(mas: &State) -> KResult<u64> {
    Ok(if let Root::One(entry) = tree::root(mas.tree)? { entry } else { 0 })
}

/// Begins behind the range of a walk that paused; false if nothing can come.
fn unpause(mas: &mut State, forward: bool) -> bool {
    if mas.at != At::Pause {
        return true;
    }
    if mas.last == u64::MAX {
        mas.at = At::None;
        return false;
    }
    let index = if forward { mas.last.wrapping_add(1) } else { mas.index.wrapping_sub(1) };
    (mas.index, mas.last, mas.at) = (index, index, At::Start);
    true
}

pub(super) fn find(mas: &mut State, max: u64) -> KResult<u64> {
    if !unpause(mas, true) {
        return Ok(0);
    }
    if mas.at == At::None {
        mas.at = At::Start;
    }
    if mas.at == At::Start {
        if mas.index > max {
            return Ok(0);
        }
        let entry = walk(mas)?;
        if entry != 0 {
            return Ok(entry);
        }
    }
    if matches!(mas.at, At::None | At::Root) { Ok(0) } else { on(mas, max) }
}

pub(super) fn find_rev(mas: &mut State, min: u64) -> KResult<u64> {
    if !unpause(mas, false) {
        return Ok(0);
    }
    if mas.at == At::Start {
        if mas.index < min {
            return Ok(0);
        }
        let entry = walk(mas)?;
        if entry != 0 {
            return Ok(entry);
        }
    }
    if matches!(mas.at, At::None | At::Root) || mas.index < min { Ok(0) } else { back(mas, min) }
}
