//! How walks move on: since 6.8 one that comes to its limit says so in its status, and knows its place.

use super::older;
use super::state::{At, State, is_newer};
use kabi::KResult;

/// What a call begins with: its answer, or where it goes on from.
enum Begin {
    Answer(u64),
    GoOn,
}

/// Goes to the index; what is there.
pub(super) fn walk(mas: &mut State) -> KResult<u64> {
    if !is_newer() {
        return older::walk(mas);
    }
    let entry = mas.descend()?;
    match mas.at {
        At::None => (mas.index, mas.last) = (0, u64::MAX),
        At::Root if mas.index == 0 => mas.last = 0,
        At::Root => (mas.index, mas.last, mas.at) = (1, u64::MAX, At::None),
        _ => {}
    }
    Ok(entry)
}

/// To the next slot with an entry, or the next one at all (`gaps`), that begins at `max` or before.
fn on(mas: &mut State, max: u64, gaps: bool) -> KResult<u64> {
    if mas.slot.1 >= max {
        mas.at = At::Over;
        return Ok(0);
    }
    while let Some(slot) = mas.beside(true)? {
        mas.stand(slot);
        if slot.entry != 0 || gaps {
            return Ok(slot.entry);
        }
        if slot.last >= max {
            mas.at = At::Over;
            return Ok(0);
        }
    }
    Ok(0)
}

/// [`on`] the other way.
fn back(mas: &mut State, min: u64, gaps: bool) -> KResult<u64> {
    if mas.slot.0 <= min {
        mas.at = At::Under;
        return Ok(0);
    }
    while let Some(slot) = mas.beside(false)? {
        mas.stand(slot);
        if slot.entry != 0 || gaps {
            return Ok(slot.entry);
        }
        if slot.first <= min {
            mas.at = At::Under;
            return Ok(0);
        }
    }
    Ok(0)
}

/// An entry is the answer; otherwise the walk goes on.
fn unless_found(entry: u64) -> Begin {
    if entry == 0 { Begin::GoOn } else { Begin::Answer(entry) }
}

fn begin_next(mas: &mut State, max: u64) -> KResult<Begin> {
    let was_none = mas.at == At::None;
    if mas.last >= max {
        mas.at = At::Over;
        return Ok(Begin::Answer(0));
    }
    match mas.at {
        At::Slot => return Ok(Begin::GoOn),
        At::None | At::Pause | At::Start => {
            walk(mas)?;
        }
        At::Over => mas.at = At::Slot,
        At::Under => {
            let entry = walk(mas)?;
            if entry != 0 {
                return Ok(Begin::Answer(entry));
            }
        }
        At::Root => {}
        At::Failed(_) => return Ok(Begin::Answer(0)),
    }
    match mas.at {
        At::Root if was_none && mas.index == 0 => (mas.index, mas.last) = (0, 0),
        At::Root => (mas.index, mas.last, mas.at) = (1, u64::MAX, At::None),
        At::None => {}
        _ => return Ok(Begin::GoOn),
    }
    Ok(Begin::Answer(0))
}

/// To the next entry, or the next slot.
pub(super) fn next(mas: &mut State, max: u64, gaps: bool) -> KResult<u64> {
    if !is_newer() {
        return older::next(mas, max);
    }
    match begin_next(mas, max)? {
        Begin::Answer(entry) => Ok(entry),
        Begin::GoOn => on(mas, max, gaps),
    }
}

fn begin_prev(mas: &mut State, min: u64) -> KResult<Begin> {
    if mas.index <= min {
        mas.at = At::Under;
        return Ok(Begin::Answer(0));
    }
    match mas.at {
        At::Slot => return Ok(Begin::GoOn),
        At::Start | At::None | At::Pause => {
            walk(mas)?;
        }
        At::Under => mas.at = At::Slot,
        At::Over => {
            let entry = walk(mas)?;
            if entry != 0 {
                return Ok(Begin::Answer(entry));
            }
        }
        At::Root => {}
        At::Failed(_) => return Ok(Begin::Answer(0)),
    }
    match mas.at {
        At::Root if mas.index == 0 => {
            mas.at = At::None;
            Ok(Begin::Answer(0))
        }
        At::Root => {
            (mas.index, mas.last) = (0, 0);
            older::only(mas).map(Begin::Answer)
        }
        At::None if mas.index == 0 => Ok(Begin::Answer(0)),
        At::None => to_root(mas),
        _ => Ok(Begin::GoOn),
    }
}

/// Before a place behind the only entry there is that one, or nothing.
fn to_root(mas: &mut State) -> KResult<Begin> {
    (mas.index, mas.last, mas.at) = (0, 0, At::Root);
    older::only(mas).map(Begin::Answer)
}

/// To the entry before, or the slot before.
pub(super) fn prev(mas: &mut State, min: u64, gaps: bool) -> KResult<u64> {
    if !is_newer() {
        return older::prev(mas, min);
    }
    match begin_prev(mas, min)? {
        Begin::Answer(entry) => Ok(entry),
        Begin::GoOn => back(mas, min, gaps),
    }
}

/// The first half of [`begin_find`]: where a walk begins that did not just find something.
fn resume_find(mas: &mut State, max: u64) -> KResult<Begin> {
    match mas.at {
        At::Under if mas.index >= max => {
            mas.at = At::Over;
            return Ok(Begin::Answer(0));
        }
        At::Pause | At::None | At::Over if mas.last >= max => return Ok(Begin::Answer(0)),
        At::Pause => {
            mas.last += 1;
            (mas.index, mas.at) = (mas.last, At::Start);
        }
        At::None => (mas.index, mas.at) = (mas.last, At::Start),
        At::Under | At::Over => {
            let entry = walk(mas)?;
            if entry != 0 {
                return Ok(Begin::Answer(entry));
            }
        }
        At::Failed(_) => return Ok(Begin::Answer(0)),
        At::Slot | At::Start | At::Root => {}
    }
    Ok(Begin::GoOn)
}

fn begin_find(mas: &mut State, max: u64) -> KResult<Begin> {
    if mas.at == At::Slot {
        return Ok(if mas.last < max { Begin::GoOn } else { Begin::Answer(0) });
    }
    if let Begin::Answer(entry) = resume_find(mas, max)? {
        return Ok(Begin::Answer(entry));
    }
    if mas.at == At::Start {
        if mas.index > max {
            return Ok(Begin::Answer(0));
        }
        let entry = walk(mas)?;
        if entry != 0 {
            return Ok(Begin::Answer(entry));
        }
    }
    match mas.at {
        At::Root => (mas.index, mas.last, mas.at) = (1, u64::MAX, At::None),
        At::None => {}
        _ if mas.index == max => {}
        _ => return Ok(Begin::GoOn),
    }
    Ok(Begin::Answer(0))
}

/// The entry at the index or the next one; called again, the one behind.
pub(super) fn find(mas: &mut State, max: u64) -> KResult<u64> {
    if !is_newer() {
        return older::find(mas, max);
    }
    match begin_find(mas, max)? {
        Begin::Answer(entry) => Ok(entry),
        Begin::GoOn => {
            let entry = on(mas, max, false)?;
            mas.at = At::Slot;
            Ok(entry)
        }
    }
}

/// [`find`] that stops at gaps, too.
pub(super) fn find_range(mas: &mut State, max: u64) -> KResult<u64> {
    match begin_find(mas, max)? {
        Begin::Answer(entry) => Ok(entry),
        Begin::GoOn => on(mas, max, true),
    }
}

fn begin_find_rev(mas: &mut State, min: u64) -> KResult<Begin> {
    let at_limit = mas.index <= min;
    match mas.at {
        At::Pause | At::Over if at_limit => {
            mas.at = At::Under;
            return Ok(Begin::Answer(0));
        }
        At::None | At::Under if at_limit => return Ok(Begin::Answer(0)),
        At::Failed(_) => return Ok(Begin::Answer(0)),
        At::Pause => {
            mas.index -= 1;
            (mas.last, mas.at) = (mas.index, At::Start);
        }
        At::None => (mas.last, mas.at) = (mas.index, At::Start),
        At::Over | At::Under => mas.at = At::Slot,
        At::Slot | At::Start | At::Root => {}
    }
    if mas.at == At::Start {
        if mas.index < min {
            return Ok(Begin::Answer(0));
        }
        if let answer @ Begin::Answer(_) = unless_found(walk(mas)?) {
            return Ok(answer);
        }
    }
    match mas.at {
        At::Root => {
            mas.at = At::None;
            Ok(Begin::Answer(0))
        }
        At::None => to_root(mas),
        _ if mas.index < min => Ok(Begin::Answer(0)),
        _ => Ok(Begin::GoOn),
    }
}

/// The entry at the index or the one before; called again, the one before that. `gaps`: it stops at these, too.
pub(super) fn find_rev(mas: &mut State, min: u64, gaps: bool) -> KResult<u64> {
    if !is_newer() {
        return older::find_rev(mas, min);
    }
    match begin_find_rev(mas, min)? {
        Begin::Answer(entry) => Ok(entry),
        Begin::GoOn => back(mas, min, gaps),
    }
}
