//! Looking for gaps, and handing them out.
//!
//! DIFFERS: a tree that does not track gaps is searched as well, when it is more than one node, too.

use super::state::{At, State, is_newer};
use super::tree::{self, Root};
use kabi::errno::{EBUSY, EINVAL};
use kabi::{Errno, KResult};

impl State {
    /// Makes its range the first gap of `size` in a window (`last`: the last one).
    pub fn empty_area(&mut self, min: u64, max: u64, size: u64, last: bool) -> KResult<Result<(), Errno>> {
        let is_wrong = if is_newer() { min > max || size == 0 || max - min < size - 1 } else { min >= max };
        if is_wrong {
            return Ok(Err(EINVAL));
        }
        match tree::root(self.tree)? {
            Root::Empty => self.at = At::None,
            Root::One(_) => self.at = At::Root,
            Root::Slots(slots) => {
                (self.index, self.last) = (min, max);
                let ranges = slots.read();
                let found = if last {
                    let most = ranges.last_gap(max, size).filter(|gap| gap.last >= min);
                    most.filter(|gap| gap.last - min >= size.wrapping_sub(1)).map(|gap| gap.last.min(max) - (size - 1))
                } else {
                    ranges.first_gap(min, max, size)
                };
                let Some(index) = found else {
                    self.at = At::Failed(EBUSY);
                    return Ok(Err(EBUSY));
                };
                self.stay(ranges.get(index));
                self.enter(&slots);
                (self.index, self.last) = (index, index.wrapping_add(size).wrapping_sub(1));
                return Ok(Ok(()));
            }
        }
        Ok(self.sparse_area(min, max, size, last))
    }

    /// [`Self::empty_area`] in a tree that has at most index 0.
    fn sparse_area(&mut self, mut min: u64, max: u64, size: u64, last: bool) -> Result<(), Errno> {
        if self.at == At::Root && min == 0 {
            min = 1;
            if min > max || max - min + 1 < size {
                return Err(EBUSY);
            }
        }
        (self.index, self.last) = if last {
            (max.wrapping_sub(size).wrapping_add(1), max)
        } else {
            (min, min.wrapping_add(size).wrapping_sub(1))
        };
        Ok(())
    }

    /// Stores into the first gap (`last`: the last one) of `size` in a window; where.
    pub fn allocate(&mut self, entry: u64, min: u64, max: u64, size: u64, last: bool) -> KResult<Result<u64, Errno>> {
        if let Err(errno) = self.empty_area(min, max, size, last)? {
            return Ok(Err(errno));
        }
        Ok(self.insert(entry)?.map(|()| self.index))
    }
}

/// What [`State::allocate`] answers before 6.4: an id, or a number that callers take for an error.
pub(super) enum Older {
    At(u64),
    Number(i32),
}

fn no(errno: Errno) -> KResult<Older> {
    Ok(Older::Number(-errno.0))
}

/// The first gap in the way of kernels before 6.4: it has to end `size` before `max`. In a tree that has at most index 0 such
/// a kernel stores over the whole window, and answers with a bound of it.
pub(super) fn older_first(mas: &mut State, entry: u64, min: u64, max: u64, size: u64) -> KResult<Older> {
    if min > max || max < size || size == 0 {
        return no(EINVAL);
    }
    (mas.index, mas.last) = (min, max - size);
    let one = match tree::root(mas.tree)? {
        Root::Empty => 0,
        Root::One(one) => one,
        Root::Slots(slots) => {
            let Some(index) = slots.read().first_gap(min, max - size, size) else { return no(EBUSY) };
            (mas.index, mas.last) = (index, index + (size - 1));
            mas.store(entry)?;
            return Ok(Older::At(index));
        }
    };
    mas.expand(one, entry)?;
    Ok(Older::Number(if one != 0 && min > 1 { min - 1 } else { max - size } as i32))
}

/// The last gap in the way of kernels before 6.4, which find none in a tree that has at most index 0.
pub(super) fn older_last(mas: &mut State, entry: u64, min: u64, max: u64, size: u64) -> KResult<Older> {
    if min >= max || size == 0 || max < size - 1 {
        return no(EINVAL);
    }
    if !matches!(tree::root(mas.tree)?, Root::Slots(_)) {
        return no(EBUSY);
    }
    if let Err(errno) = mas.empty_area(min, max, size, true)? {
        return no(errno);
    }
    let index = mas.index;
    mas.store(entry)?;
    Ok(Older::At(index))
}
